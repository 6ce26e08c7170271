extension Tensor {
  /// Creates a tensor of zeros.
  public init(zeros shape: Shape) { self.init(repeating: 0, shape: shape) }

  /// Creates a tensor of zeros that takes memory only for the pages that are written.
  init(zeroPages shape: Shape) {
    self.init(shape: shape, storage: TensorStorage(zeroPagesFor: shape.count), offset: 0)
  }

  /// Creates a tensor whose elements all equal `value`.
  public init(repeating value: Float, shape: Shape) {
    self.init(writing: shape) { $0.update(repeating: value, count: shape.count) }
  }

  /// Creates a tensor of the given elements in row-major order. Their number must match the shape.
  public init(_ elements: some Collection<Float>, shape: Shape) {
    precondition(
      elements.count == shape.count, "Tensor: \(elements.count) elements for a shape \(shape)")
    self.init(writing: shape) { pointer in
      // A collection copies itself far faster than its elements come one by one.
      let room = UnsafeMutableBufferPointer(start: pointer, count: elements.count)
      _ = room.initialize(fromContentsOf: elements)
    }
  }

  /// Creates a tensor of zeros and passes it to `fill` for writing. The buffer must not escape the
  /// closure.
  public init<Failure: Error>(
    shape: Shape, filledBy fill: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    self.init(zeros: shape)
    try withUnsafeMutableElements(fill)
  }

  /// Creates a tensor of independent normal samples with mean 0.
  public init(
    normal shape: Shape, standardDeviation: Float, using generator: inout SeededGenerator
  ) {
    self.init(uninitialized: shape)
    fill(normal: standardDeviation, using: &generator)
  }

  /// Replaces the elements with independent normal samples with mean 0, the same as `init(normal:)`
  /// would generate.
  public mutating func fill(
    normal standardDeviation: Float, using generator: inout SeededGenerator
  ) {
    withUnsafeMutableElements { elements in
      for index in elements.indices {
        elements[index] = standardDeviation * Float(generator.normal())
      }
    }
  }

  /// Creates a tensor of independent samples, uniform in `range`.
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
