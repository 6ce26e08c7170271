/// A sum over atoms along the binary tree over their numbers.
///
///     S(first, 2 size) = S(first, size) + S(first + size, size)
///
/// S(first, size) is the node of the `size` atoms from `first` on. Nodes may arrive from several
/// processes, each with those of the atoms that it computed. The order of the additions, and so
/// every bit of the sum, depends only on the number of atoms. A node of atoms beyond the last is
/// left out.
package struct AtomTree<Sum> {
  /// The sum over the atoms from `first` on, `size` of them; `size` is a power of two and divides
  /// `first`.
  package struct Subtree {
    package let first: Int
    package let size: Int
    package fileprivate(set) var sum: Sum
  }

  /// The nodes so far, ascending, none of which is the sibling of the next.
  package private(set) var nodes: [Subtree] = []
  private let add: (inout Sum, Sum) -> Void

  /// An empty tree.
  ///
  /// - Parameter add: adds its second argument to the first.
  package init(adding add: @escaping (inout Sum, Sum) -> Void) { self.add = add }

  /// Appends a node, which must follow the nodes so far, and adds siblings as they become complete.
  package mutating func append(_ sum: Sum, first: Int, size: Int = 1) {
    precondition(
      size > 0 && first.isMultiple(of: size)
        && nodes.last.map { $0.first + $0.size <= first } != false,
      "AtomTree: a node of \(size) atoms from \(first) on")
    nodes.append(Subtree(first: first, size: size, sum: sum))
    while nodes.count > 1 {
      let (left, right) = (nodes[nodes.count - 2], nodes[nodes.count - 1])
      guard left.size == right.size, left.first.isMultiple(of: 2 * left.size),
        left.first + left.size == right.first
      else { return }
      mergeLast(size: 2 * left.size)
    }
  }

  /// The sum over all atoms, all of whose nodes must have arrived; nil if there are none.
  package mutating func takeSum() -> Sum? {
    while nodes.count > 1 { mergeLast(size: 2 * nodes[nodes.count - 2].size) }
    return nodes.popLast()?.sum
  }

  private mutating func mergeLast(size: Int) {
    let right = nodes.removeLast()
    var left = nodes.removeLast()
    add(&left.sum, right.sum)
    nodes.append(Subtree(first: left.first, size: size, sum: left.sum))
  }

  /// The first and the size of the nodes that `append` leaves of the atoms `range`.
  package static func nodes(of range: Range<Int>) -> [(first: Int, size: Int)] {
    var tree = AtomTree<Void>(adding: { _, _ in })
    for atom in range { tree.append((), first: atom) }
    return tree.nodes.map { ($0.first, $0.size) }
  }

  /// The atoms of process `rank` of `processes`, of `count` atoms: each process has as many as the
  /// others, or one more or less.
  package static func atoms(ofRank rank: Int, of processes: Int, count: Int) -> Range<Int> {
    rank * count / processes..<(rank + 1) * count / processes
  }
}
