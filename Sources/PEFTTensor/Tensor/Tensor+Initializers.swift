extension Tensor {
  /// A tensor of zeros.
  public init(zeros shape: Shape) { self.init(repeating: 0, shape: shape) }

  /// A tensor of zeros that takes memory only for the pages that are written to.
  init(zeroPages shape: Shape) {
    self.init(shape: shape, storage: TensorStorage(zeroPagesFor: shape.count), offset: 0)
  }

  /// A tensor whose elements all equal `value`.
  public init(repeating value: Float, shape: Shape) {
    self.init(writing: shape) { $0.update(repeating: value, count: shape.count) }
  }

  /// A tensor of the given elements in row-major order; their number must be the shape's.
  public init(_ elements: some Collection<Float>, shape: Shape) {
    precondition(
      elements.count == shape.count, "Tensor: \(elements.count) elements for a shape \(shape)")
    self.init(writing: shape) { pointer in
      for (index, element) in elements.enumerated() { pointer[index] = element }
    }
  }

  /// A tensor that `fill` writes; the elements are zero when it is called. The buffer must
  /// not leave the closure.
  public init<Failure: Error>(
    shape: Shape, filledBy fill: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    self.init(zeros: shape)
    try withUnsafeMutableElements(fill)
  }

  /// A tensor of independent normal draws with mean 0.
  public init(
    normal shape: Shape, standardDeviation: Float, using generator: inout SeededGenerator
  ) {
    self.init(uninitialized: shape)
    fill(normal: standardDeviation, using: &generator)
  }

  /// Replaces the elements by independent normal draws with mean 0, those of `init(normal:)`.
  public mutating func fill(
    normal standardDeviation: Float, using generator: inout SeededGenerator
  ) {
    withUnsafeMutableElements { elements in
      for index in elements.indices {
        elements[index] = standardDeviation * Float(generator.normal())
      }
    }
  }

  /// A tensor of independent draws, uniform in `range`.
  public init(
    uniform shape: Shape, in range: ClosedRange<Float>, using generator: inout SeededGenerator
  ) {
    let width = Double(range.upperBound) - Double(range.lowerBound)
    self.init(writing: shape) { pointer in
      for index in 0..<shape.count {
        pointer[index] = Float(Double(range.lowerBound) + width * generator.uniform())
      }
    }
  }
}
