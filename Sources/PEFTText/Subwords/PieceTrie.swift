/// A trie of a vocabulary's tokens by their bytes. All tokens at a position of a text are found in
/// one pass over the longest of them.
///
/// Nodes are numbered level by level. The children of a node are adjacent, in the order of their
/// bytes.
struct PieceTrie: Sendable {
  /// The first child of each node, followed by the number of nodes.
  private var firstChild: [Int32] = []
  /// The byte that leads to each node.
  private var labels: [UInt8] = [0]
  /// The token that ends at each node, or −1.
  private var ids: [Int32] = [-1]

  init(_ vocabulary: Vocabulary) {
    let tokens = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0) ?? [] }
    let order = tokens.indices.filter { !tokens[$0].isEmpty }.sorted {
      tokens[$0].lexicographicallyPrecedes(tokens[$1])
    }
    // Each node corresponds to the tokens of `order` that share a prefix.
    var level = [0..<order.count]
    var depth = 0
    while !level.isEmpty {
      var next: [Range<Int>] = []
      for range in level {
        firstChild.append(Int32(labels.count))
        var start = range.lowerBound
        while start < range.upperBound, tokens[order[start]].count <= depth { start += 1 }
        while start < range.upperBound {
          let byte = tokens[order[start]][depth]
          var end = start + 1
          while end < range.upperBound, tokens[order[end]][depth] == byte { end += 1 }
          labels.append(byte)
          let isToken = tokens[order[start]].count == depth + 1
          ids.append(isToken ? Int32(order[start]) : -1)
          next.append(start..<end)
          start = end
        }
      }
      level = next
      depth += 1
    }
    firstChild.append(Int32(labels.count))
  }

  /// Calls `body` with each token that begins at `start`, the shortest first, and the position
  /// where it ends.
  @inline(__always)
  func forEachToken(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ body: (_ id: Int32, _ end: Int) -> Void
  ) {
    var node = 0
    var position = start
    while position < text.count, let child = child(of: node, text[position]) {
      node = child
      position += 1
      if ids[node] >= 0 { body(ids[node], position) }
    }
  }

  /// The child of `node` for `byte`, found by bisection.
  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var low = Int(firstChild[node])
    var high = Int(firstChild[node + 1])
    while low < high {
      let middle = (low + high) / 2
      if labels[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low < Int(firstChild[node + 1]) && labels[low] == byte ? low : nil
  }
}
