/// A tensor that a tape saved for later passes: unchanged, or, on a bf16 tape, rounded to bfloat16
/// in half the memory.
struct SavedTensor {
  /// The tensor's shape.
  let shape: Shape
  /// The precision in which it is stored.
  let precision: Precision
  /// The tensor, or in bf16 its elements, two in each word.
  private let kept: Tensor

  /// Creates a saved tensor of the given shape from its bf16 elements in `words`, two in each word.
  init(words: Tensor, shape: Shape) {
    precondition(words.count == Self.wordCount(shape), "SavedTensor: \(words.shape) for \(shape)")
    (self.shape, precision, kept) = (shape, .bf16, words)
  }

  /// The number of words that the elements of a shape take in bf16.
  static func wordCount(_ shape: Shape) -> Int { (shape.count + 1) / 2 }

  /// Saves a tensor in the given precision.
  init(_ tensor: Tensor, precision: Precision) {
    shape = tensor.shape
    self.precision = precision
    kept = precision == .bf16 ? Self.packed(tensor) : tensor
  }

  /// The saved tensor. In bf16 every access creates a new one.
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

  /// Calls `body` with the elements of `range` in order, one piece at a time: their positions and a
  /// pointer to the first. In bf16 the pointer is valid only during the call.
  func read(_ range: Range<Int>, _ body: (Range<Int>, UnsafePointer<Float>) -> Void) {
    withElements(of: kept) { kept in
      guard precision == .bf16 else { return body(range, kept + range.lowerBound) }
      kept.withMemoryRebound(to: UInt16.self, capacity: shape.count) { words in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.readAtOnce) { buffer in
          guard let floats = buffer.baseAddress else { return }
          for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.readAtOnce) {
            let part = first..<min(range.upperBound, first + Self.readAtOnce)
            VectorKernels.active.floats(
              count: part.count, fromBFloat16: words + first, into: floats)
            body(part, floats)
          }
        }
      }
    }
  }

  /// The number of elements in a piece, which fits in the first-level cache with the data that
  /// `body` works on.
  private static let readAtOnce = 1 << 11

  private static func packed(_ tensor: Tensor) -> Tensor {
    let words = wordCount(tensor.shape)
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
