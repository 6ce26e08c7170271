extension Tensor {
  /// Whether no other tensor shares the storage.
  mutating func isUnshared() -> Bool { isKnownUniquelyReferenced(&storage) }

  /// Whether both tensors refer to the same elements in memory, not merely equal ones.
  package func isSameStorage(as other: Tensor) -> Bool {
    storage === other.storage && offset == other.offset && shape == other.shape
  }

  /// Reads the elements in place. The buffer must not escape `body`.
  public func withUnsafeElements<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.elements + offset, count: count))
  }

  /// Writes the elements in place, after making a copy if another tensor shares the storage. The
  /// buffer must not escape `body`.
  public mutating func withUnsafeMutableElements<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage(count: count)
      copy.elements.update(from: storage.elements + offset, count: count)
      storage = copy
      offset = 0
    }
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableBufferPointer(start: storage.elements + offset, count: count))
  }

  /// Creates a tensor that `body` fills. `body` must write every element.
  init(
    writing shape: Shape, _ body: (UnsafeMutablePointer<Float>) -> Void
  ) {
    self.init(uninitialized: shape)
    body(storage.elements)
  }
}

/// Computes a tensor from x element by element with `body`, in place if x is uniquely referenced.
func elementwise(
  _ x: consuming Tensor, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) -> Tensor {
  guard x.isUnshared() else {
    return Tensor(writing: x.shape) { y in withElements(of: x) { body($0, y) } }
  }
  x.withUnsafeMutableElements { buffer in
    if let start = buffer.baseAddress { body(start, start) }
  }
  return x
}

/// Reads a tensor in place, for kernels that take pointers.
func withElements<Result>(
  of first: Tensor, _ body: (UnsafePointer<Float>) -> Result
) -> Result {
  defer { withExtendedLifetime(first.storage) {} }
  return body(UnsafePointer(first.storage.elements + first.offset))
}

/// Reads an optional tensor; nil is passed as a null pointer.
func withElements<Result>(
  ofOptional tensor: Tensor?, _ body: (UnsafePointer<Float>?) -> Result
) -> Result {
  guard let tensor else { return body(nil) }
  return withElements(of: tensor) { body($0) }
}

/// Reads two tensors in place.
func withElements<Result>(
  of first: Tensor, _ second: Tensor,
  _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Result
) -> Result {
  withElements(of: first) { first in withElements(of: second) { body(first, $0) } }
}

/// Reads three tensors in place.
func withElements<Result>(
  of first: Tensor, _ second: Tensor, _ third: Tensor,
  _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) -> Result
) -> Result {
  withElements(of: first, second) { first, second in
    withElements(of: third) { body(first, second, $0) }
  }
}

/// Creates tensors of the given shapes that `body` fills. `body` must write every element of all of
/// them.
func newTensors(
  _ shapes: [Shape], writing body: ([UnsafeMutablePointer<Float>]) -> Void
) -> [Tensor] {
  let tensors = shapes.map { Tensor(uninitialized: $0) }
  body(tensors.map { $0.storage.elements })
  return tensors
}

/// Creates two tensors that `body` fills. `body` must write every element of both.
func newTensors(
  _ first: Shape, _ second: Shape,
  writing body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) -> (Tensor, Tensor) {
  let tensors = (Tensor(uninitialized: first), Tensor(uninitialized: second))
  body(tensors.0.storage.elements, tensors.1.storage.elements)
  return tensors
}
