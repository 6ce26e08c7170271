/// A tensor as a tape keeps it for a walk: as it is, or on a tape in bf16 rounded to
/// bfloat16, in half the memory.
struct SavedTensor {
  /// Its extents.
  let shape: Shape
  /// How it is kept.
  let precision: Precision
  /// The tensor, or in bf16 its elements two to a word.
  private let kept: Tensor

  /// Keeps in bf16 what `words` has of a tensor of a shape, two elements to a word.
  init(words: Tensor, shape: Shape) {
    precondition(words.count == Self.wordCount(shape), "SavedTensor: \(words.shape) for \(shape)")
    (self.shape, precision, kept) = (shape, .bf16, words)
  }

  /// How many words the elements of a shape take in bf16.
  static func wordCount(_ shape: Shape) -> Int { (shape.count + 1) / 2 }

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

  /// Calls `body` with the elements of `range` in order, some at a time: which they are, and where
  /// they begin; in bf16 they are made for the call only.
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

  /// What the first cache holds beside what is done with it.
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
