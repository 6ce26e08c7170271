/// A matrix of bfloat16 numbers, as the files of many models hold them, in two bytes an element.
///
/// Products with it in fp32 have the bits of those with `expanded`, its elements in Float, because
/// every bfloat16 number is a Float.
package struct BFloatMatrix: Sendable {
  /// The shape [m, n].
  package let shape: Shape
  /// The elements, row-major, two in each word.
  private var words: Tensor

  /// Creates a matrix whose elements `body` writes, row-major.
  package init<Failure: Error>(
    _ shape: Shape, writing body: (UnsafeMutableBufferPointer<UInt16>) throws(Failure) -> Void
  ) throws(Failure) {
    precondition(shape.rank == 2, "BFloatMatrix: \(shape) is no matrix")
    self.shape = shape
    var words = Tensor(uninitialized: [(shape.count + 1) / 2], stays: true)
    try words.withUnsafeMutableElements { (words) throws(Failure) in
      let bytes = UnsafeMutableRawBufferPointer(words)
      let elements = bytes.bindMemory(to: UInt16.self)
      defer { bytes.bindMemory(to: Float.self) }
      try body(UnsafeMutableBufferPointer(rebasing: elements[..<shape.count]))
    }
    self.words = words
  }

  /// Whether nothing else holds the same memory.
  mutating func isUnshared() -> Bool { words.isUnshared() }

  /// Whether it is in the same memory.
  func isSame(as other: BFloatMatrix) -> Bool { words.isSameStorage(as: other.words) }

  /// These rows in Float, [R, n].
  func rows(at rows: [Int32]) -> Tensor {
    let width = shape.columns
    return Tensor(writing: [rows.count, width]) { target in
      withElements { source in
        WorkerPool.shared.runRanges(rows.count, grain: max(1, (1 << 14) / max(1, width))) { range in
          for place in range {
            VectorKernels.active.floats(
              count: width, fromBFloat16: source + Int(rows[place]) * width,
              into: target + place * width)
          }
        }
      }
    }
  }

  /// The memory it takes in bytes.
  var byteCount: Int { words.count * MemoryLayout<Float>.stride }

  /// Calls `body` with the first element.
  package func withElements<Result>(_ body: (UnsafePointer<UInt16>) -> Result) -> Result {
    PEFTTensor.withElements(of: words) { words in
      words.withMemoryRebound(to: UInt16.self, capacity: shape.count, body)
    }
  }

  /// Whether all elements are finite.
  package var isFinite: Bool {
    withElements { start in
      !UnsafeBufferPointer(start: start, count: shape.count).contains { $0 & 0x7f80 == 0x7f80 }
    }
  }

  /// The matrix in Float.
  package var expanded: Tensor {
    Tensor(writing: shape) { target in
      withElements { source in
        WorkerPool.shared.runRanges(shape.count, grain: 1 << 14) { range in
          VectorKernels.active.floats(
            count: range.count, fromBFloat16: source + range.lowerBound,
            into: target + range.lowerBound)
        }
      }
    }
  }
}
