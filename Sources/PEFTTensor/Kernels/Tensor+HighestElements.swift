extension Tensor {
  /// The positions of the `count` highest elements of several tensors together: for each tensor,
  /// ascending, in row-major order.
  ///
  /// Ties go to the earlier tensor and element. −∞ and NaN are never among them, so that there may
  /// be fewer. Each tensor is requested once, and only one is in memory at a time.
  package static func highestPositions(
    _ count: Int, of tensors: [() -> Tensor?]
  ) -> [[Int]] {
    var positions = [[Int]](repeating: [], count: tensors.count)
    for element in highestElements(count, of: tensors) {
      positions[element.tensor].append(element.position)
    }
    return positions.map { $0.sorted() }
  }

  /// The same elements, the highest first, each with the index of its tensor and its position
  /// there.
  package static func highestElements(
    _ count: Int, of tensors: [() -> Tensor?]
  ) -> [(tensor: Int, position: Int)] {
    var best: [(score: Float, tensor: Int, position: Int)] = []
    for (index, tensor) in tensors.enumerated() {
      guard let tensor = tensor() else { continue }
      best += tensor.highestElements(count).map { ($0.score, index, $0.position) }
      best.sort {
        $0.score == $1.score
          ? ($0.tensor, $0.position) < ($1.tensor, $1.position) : $0.score > $1.score
      }
      best.removeLast(max(0, best.count - count))
    }
    return best.map { ($0.tensor, $0.position) }
  }

  /// The `count` highest elements above −∞, the highest first; ties go to the earlier element.
  private func highestElements(_ count: Int) -> [(score: Float, position: Int)] {
    guard count > 0 else { return [] }
    var best: [(score: Float, position: Int)] = []
    best.reserveCapacity(Swift.min(2 * count, self.count))
    /// Keeps the highest elements so far.
    func keepHighest() {
      best.sort { $0.score == $1.score ? $0.position < $1.position : $0.score > $1.score }
      best.removeLast(Swift.max(0, best.count - count))
    }
    var bound = -Float.infinity
    withElements(of: self) { elements in
      for position in 0..<self.count where elements[position] > bound {
        best.append((elements[position], position))
        guard best.count == 2 * count else { continue }
        keepHighest()
        bound = best[count - 1].score
      }
    }
    keepHighest()
    return best
  }
}
