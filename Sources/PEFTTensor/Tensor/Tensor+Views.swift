extension Tensor {
  /// The same elements with another shape of equal count. O(1), shares storage.
  public func reshaped(to shape: Shape) -> Tensor {
    precondition(shape.count == count, "reshaped: \(self.shape) has no view as \(shape)")
    return Tensor(shape: shape, storage: storage, offset: offset)
  }

  /// A range of rows, counted along the first axis. O(1), shares storage.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(
      shape.rank >= 1 && range.lowerBound >= 0 && range.upperBound <= shape[0],
      "rows: \(range) of \(shape)")
    let width = shape[0] == 0 ? 0 : count / shape[0]
    return Tensor(
      shape: Shape([range.count] + shape.extents.dropFirst()), storage: storage,
      offset: offset + range.lowerBound * width)
  }

  /// The elements as an array, row-major.
  public var elements: [Float] { withUnsafeElements { Array($0) } }

  /// The only element of a tensor that has exactly one.
  public var scalar: Float {
    precondition(count == 1, "scalar: a tensor \(shape) has \(count) elements")
    return withUnsafeElements { $0[0] }
  }

  /// The element at a position that has one index for each axis.
  public subscript(position: Int...) -> Float {
    precondition(position.count == shape.rank, "Tensor: position \(position) in \(shape)")
    var index = 0
    for (axis, coordinate) in position.enumerated() {
      precondition(
        (0..<shape[axis]).contains(coordinate), "Tensor: position \(position) in \(shape)")
      index = index * shape[axis] + coordinate
    }
    return withUnsafeElements { $0[index] }
  }
}
