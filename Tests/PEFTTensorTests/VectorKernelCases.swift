import CTileTwin
import PEFTTensor
import Testing

/// Arrays shared by the tests of the vector kernels.
enum VectorKernelCases {
  /// All kernels that this processor supports.
  static let kernels = VectorKernels.supported.compactMap(VectorKernels.init)

  /// AMX's products with its instructions emulated in plain C; the twin has no other kernels.
  static let tileTwin = VectorKernels(.amx, table: peft_tile_twin())

  /// All kernels of this processor that have products, and the twin of AMX's.
  static let productKernels = kernels + [tileTwin]

  /// Every length that a tail can have for any number of lanes, and some lengths of many vectors.
  static let lengths = Array(0...70) + [127, 768, 1000, 4099]

  /// Numbers of many magnitudes, from a seed.
  static func floats(
    _ count: Int, _ purpose: String, size: Float = 1
  ) -> [Float] {
    var generator = SeededGenerator(seed: 7, purpose: purpose)
    return (0..<count).map { _ in size * Float(generator.normal()) }
  }

  /// Zeros, subnormal numbers, powers of two of both signs, the largest numbers, infinities and
  /// NaN.
  static let edges: [Float] = {
    let sizes: [Float] =
      [
        0, .leastNonzeroMagnitude, 0x1p-133, .leastNormalMagnitude, 0.6, 14.99, 15, 15.01, 87.3,
        88.8,
      ]
      + (-40...40).map { Float(sign: .plus, exponent: $0, significand: 1) }
      + [1e30, .greatestFiniteMagnitude, .infinity]
    return sizes + sizes.map { -$0 } + [.nan]
  }()
}

extension VectorKernels: CustomTestStringConvertible {
  /// The name of the instruction set.
  public var testDescription: String { instructionSet.rawValue }
}

/// Calls `body` with a pointer to the array's first element, or with nil if there is no array.
func withPointer(_ array: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
  guard let array else { return body(nil) }
  array.withUnsafeBufferPointer { body($0.baseAddress) }
}

/// Fails if an element of `values` is further from `reference` than `tolerance` permits. NaN must
/// match NaN, and infinity must match itself.
func expectClose(
  _ values: [Float], _ reference: [Double], _ comment: String,
  tolerance: (Double) -> Double, sourceLocation: SourceLocation = #_sourceLocation
) {
  guard values.count == reference.count else {
    Issue.record(
      "\(comment): \(values.count) of \(reference.count)", sourceLocation: sourceLocation)
    return
  }
  for (index, (value, expected)) in zip(values, reference).enumerated() {
    let isClose =
      expected.isNaN
      ? value.isNaN
      : Double(value) == expected || Float(expected) == value
        || abs(Double(value) - expected) <= tolerance(expected)
    if !isClose {
      Issue.record(
        "\(comment), element \(index) of \(values.count): \(value), expected \(expected)",
        sourceLocation: sourceLocation)
      return
    }
  }
}
