/// A tensor as a tape keeps it for a walk: as it is, or on a tape in bf16 rounded to bfloat16, in half the
/// memory.
struct SavedTensor {
  private let shape: Shape
  private let precision: Precision
  /// The tensor, or in bf16 its elements two to a word.
  private let kept: Tensor

  /// Keeps a tensor.
  init(_ tensor: Tensor, precision: Precision) {
    shape = tensor.shape
    self.precision = precision
    kept = precision == .bf16 ? Self.packed(tensor) : tensor
  }

  /// The tensor as it was kept; in bf16 a new one each time.
  var value: Tensor {
    guard precision == .bf16 else { return kept }
    return Tensor(writing: shape) { y in
      withElements(of: kept) { words in
        words.withMemoryRebound(to: UInt16.self, capacity: 2 * kept.count) { words in
          WorkerPool.shared.runRanges(shape.count, grain: Self.grain) { range in
            VectorKernels.active.floats(
              count: range.count, fromBFloat16: words + range.lowerBound,
              into: y + range.lowerBound)
          }
        }
      }
    }
  }

  private static func packed(_ tensor: Tensor) -> Tensor {
    let words = (tensor.count + 1) / 2
    return Tensor(writing: [words]) { y in
      y.withMemoryRebound(to: UInt16.self, capacity: 2 * words) { y in
        withElements(of: tensor) { x in
          WorkerPool.shared.runRanges(tensor.count, grain: grain) { range in
            VectorKernels.active.bfloat16s(
              count: range.count, from: x + range.lowerBound, into: y + range.lowerBound)
          }
        }
      }
    }
  }

  private static let grain = 1 << 14
}
