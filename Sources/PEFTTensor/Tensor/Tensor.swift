/// A Float32 array of any rank, contiguous and row-major, with value semantics.
///
/// Copies and views share storage until one of them is written to. Reading is safe from any number
/// of threads. Memory is accessible only through the closures of `Tensor+UniqueAccess.swift`.
public struct Tensor: Sendable {
  /// The extents.
  public let shape: Shape
  var storage: TensorStorage
  var offset: Int

  /// Creates a tensor with undefined contents, for code that writes every element. `stays` has the
  /// same meaning as for the storage.
  init(uninitialized shape: Shape, stays: Bool = false) {
    self.shape = shape
    storage = TensorStorage(count: shape.count, stays: stays)
    offset = 0
  }

  init(shape: Shape, storage: TensorStorage, offset: Int) {
    precondition(
      offset >= 0 && offset + shape.count <= storage.capacity,
      "Tensor: a view \(shape) at \(offset) reaches beyond its storage")
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// The number of elements.
  public var count: Int { shape.count }
}
