import Foundation

extension GradientAccumulator {
  /// Returns the `count` elements of `parameters` with the largest ratio |g| / (|θ| + ε)ᵖ of
  /// gradient to value.
  ///
  /// The result lists, for each parameter, positions in row-major order, ascending. Ties go to the
  /// earlier element; an element without a gradient is never returned. Every parameter must request
  /// its whole gradient.
  ///
  /// - Parameter ofAll: whether elements that are trainable already are among them.
  package func largestRatios(
    _ count: Int, among parameters: [Parameter], ofAll: Bool = false, epsilon: Double,
    exponent: Double
  ) -> [[Int]] {
    var chunks: [Chunk] = []
    for (index, parameter) in parameters.enumerated() {
      let table = tableGradient(of: parameter)
      guard let gradient = table?.values ?? self[parameter] else { continue }
      let excluded = ofAll ? [] : parameter.trains.positions(in: parameter.shape)
      let value = table.map { parameter.value.rows(at: $0.rows.map(Int.init)) } ?? parameter.value
      for first in stride(from: 0, to: gradient.count, by: Chunk.size) {
        chunks.append(
          Chunk(
            parameter: index, range: first..<min(gradient.count, first + Chunk.size),
            gradient: gradient, value: value, excluded: excluded, rows: table?.rows))
      }
    }
    var best: [RatedElement] = []
    // The best of earlier chunks leave little to find in later ones.
    for first in stride(from: 0, to: chunks.count, by: Chunk.countAtOnce) {
      let chunks = chunks[first..<min(first + Chunk.countAtOnce, chunks.count)]
      let bound = best.count == count ? best.last?.ratio ?? 0 : 0
      var found = [[RatedElement]](repeating: [], count: chunks.count)
      found.withUnsafeMutableBufferPointer { found in
        nonisolated(unsafe) let found = found
        WorkerPool.shared.run(chunks.count) {
          found[$0] = chunks[first + $0].largest(
            count, above: bound, epsilon: Float(epsilon), exponent: Float(exponent))
        }
      }
      guard found.contains(where: { !$0.isEmpty }) else { continue }
      best = Array((best + found.joined()).sorted { $0.isBefore($1) }.prefix(count))
    }
    var positions = [[Int]](repeating: [], count: parameters.count)
    for element in best { positions[element.parameter].append(element.position) }
    return positions.map { $0.sorted() }
  }
}

/// An element and its ratio of gradient to value.
private struct RatedElement {
  let ratio: Float
  let parameter: Int
  let position: Int

  /// Whether this element ranks before another.
  func isBefore(_ other: RatedElement) -> Bool {
    if ratio != other.ratio { return ratio > other.ratio }
    return (parameter, position) < (other.parameter, other.position)
  }
}

/// A range of a gradient's elements. Neither the number of chunks nor the selection depends on the
/// number of workers.
private struct Chunk {
  static let size = 1 << 16
  /// The number of chunks that are searched in parallel.
  static let countAtOnce = 8

  let parameter: Int
  let range: Range<Int>
  let gradient: Tensor
  let value: Tensor
  /// Positions in the parameter that are trainable already, ascending.
  let excluded: [Int]
  /// The parameter's rows to which the rows of gradient and value belong; nil if they cover all
  /// rows.
  let rows: [Int32]?

  /// The `count` elements with the largest ratios above `bound`, unordered.
  func largest(
    _ count: Int, above bound: Float, epsilon: Float, exponent: Float
  ) -> [RatedElement] {
    guard count > 0 else { return [] }
    /// The elements selected so far, as a heap with the lowest-ranked one first.
    var heap: [RatedElement] = []
    let width = rows == nil ? 1 : gradient.shape.columns
    withElements(of: gradient, value) { gradient, value in
      for index in range {
        let size = abs(value[index]) + epsilon
        let ratio =
          exponent == 1
          ? abs(gradient[index]) / size
          : abs(gradient[index]) / (exponent == 0 ? 1 : powf(size, exponent))
        guard ratio > bound, heap.count < count || ratio > heap[0].ratio else { continue }
        let position = rows.map { Int($0[index / width]) * width + index % width } ?? index
        guard !isExcluded(position) else { continue }
        let element = RatedElement(ratio: ratio, parameter: parameter, position: position)
        if heap.count < count {
          heap.append(element)
          Self.siftUp(&heap)
        } else {
          heap[0] = element
          Self.siftDown(&heap)
        }
      }
    }
    return heap
  }

  private func isExcluded(_ position: Int) -> Bool {
    var (low, high) = (0, excluded.count)
    while low < high {
      let middle = (low + high) / 2
      if excluded[middle] < position { low = middle + 1 } else { high = middle }
    }
    return low < excluded.count && excluded[low] == position
  }

  private static func siftUp(_ heap: inout [RatedElement]) {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[parent].isBefore(heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private static func siftDown(_ heap: inout [RatedElement]) {
    var parent = 0
    while true {
      var last = parent
      for child in 2 * parent + 1...2 * parent + 2
      where child < heap.count && heap[last].isBefore(heap[child]) { last = child }
      guard last != parent else { return }
      heap.swapAt(parent, last)
      parent = last
    }
  }
}
