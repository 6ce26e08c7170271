extension Tensor {
  /// The row-major positions of the `count` elements with the largest |x|, the largest first.
  ///
  /// Ties go to the earlier element. Zeros are never among them, so that there may be fewer.
  package func largestPositions(_ count: Int) -> [Int] {
    guard count > 0 else { return [] }
    var best: [(size: Float, position: Int)] = []
    best.reserveCapacity(min(2 * count, self.count))
    /// Keeps the largest elements so far.
    func keepLargest() {
      best.sort { $0.size == $1.size ? $0.position < $1.position : $0.size > $1.size }
      best.removeLast(max(0, best.count - count))
    }
    var bound: Float = 0
    withElements(of: self) { elements in
      for position in 0..<self.count where abs(elements[position]) > bound {
        best.append((abs(elements[position]), position))
        guard best.count == 2 * count else { continue }
        keepLargest()
        bound = best[count - 1].size
      }
    }
    keepLargest()
    return best.map(\.position)
  }
}
