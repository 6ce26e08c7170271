import PEFTTensor
import Testing

@Suite struct VectorKernelsCastTests {
  enum Format: CaseIterable, Sendable {
    case float16, bfloat16

    var exponentBits: Int { self == .float16 ? 5 : 8 }
    var fractionBits: Int { 15 - exponentBits }

    func value(_ bits: UInt16) -> Double {
      ReferenceKernels.value(ofBits: bits, exponentBits: exponentBits, fractionBits: fractionBits)
    }

    var infinity: UInt16 { self == .float16 ? 0x7C00 : 0x7F80 }
  }

  private static let all = Array(UInt16.min...UInt16.max)

  private func floats(_ kernels: VectorKernels, _ format: Format, _ x: [UInt16]) -> [Float] {
    var y = [Float](repeating: 99, count: x.count + 1)
    switch format {
    case .float16: kernels.floats(count: x.count, fromFloat16: x, into: &y)
    case .bfloat16: kernels.floats(count: x.count, fromBFloat16: x, into: &y)
    }
    #expect(y.removeLast() == 99)
    return y
  }

  private func narrowed(_ kernels: VectorKernels, _ format: Format, _ x: [Float]) -> [UInt16] {
    var y = [UInt16](repeating: 99, count: x.count + 1)
    switch format {
    case .float16: kernels.float16s(count: x.count, from: x, into: &y)
    case .bfloat16: kernels.bfloat16s(count: x.count, from: x, into: &y)
    }
    #expect(y.removeLast() == 99)
    return y
  }

  @Test(arguments: VectorKernelCases.kernels, Format.allCases)
  func everyValueWidens(kernels: VectorKernels, format: Format) {
    let wide = floats(kernels, format, Self.all)
    for (bits, value) in zip(Self.all, wide) {
      let expected = format.value(bits)
      let isRight =
        expected.isNaN ? value.isNaN : Float(expected).bitPattern == value.bitPattern
      if !isRight { Issue.record("\(bits): \(value), expected \(expected)") }
      if value.isNaN { #expect((value.sign == .minus) == (bits >> 15 == 1)) }
    }
  }

  @Test(arguments: VectorKernelCases.kernels, Format.allCases)
  func everyValueComesBack(kernels: VectorKernels, format: Format) {
    let back = narrowed(kernels, format, floats(kernels, format, Self.all))
    for (bits, result) in zip(Self.all, back) where result != bits {
      // A signalling NaN becomes quiet.
      if !format.value(bits).isNaN || result != bits | 1 << (format.fractionBits - 1) {
        Issue.record("\(bits) came back as \(result)")
      }
    }
  }

  /// Between two neighbours, the midpoint rounds to the even one, and the floats next to it round
  /// to the nearer one.
  @Test(arguments: VectorKernelCases.kernels, Format.allCases)
  func roundsToNearestEven(kernels: VectorKernels, format: Format) {
    let lower = Array(0..<format.infinity)
    let middle = lower.map { bits -> Float in
      // The value that would follow the largest one if there were no infinity.
      let below = format.value(bits)
      let step =
        bits + 1 == format.infinity
        ? below - format.value(bits - 1)
        : format.value(bits + 1) - below
      return Float(below + step / 2)
    }
    for sign in [Float(1), -1] {
      let signBit: UInt16 = sign < 0 ? 0x8000 : 0
      let half = narrowed(kernels, format, middle.map { sign * $0 })
      #expect(half == lower.map { signBit | ($0 + ($0 & 1)) }, "half way")
      let less = narrowed(kernels, format, middle.map { sign * $0.nextDown })
      #expect(less == lower.map { signBit | $0 }, "below half way")
      let more = narrowed(kernels, format, middle.map { sign * $0.nextUp })
      #expect(more == lower.map { signBit | ($0 + 1) }, "above half way")
    }
  }

  @Test(arguments: VectorKernelCases.kernels, Format.allCases)
  func edgesAndLengths(kernels: VectorKernels, format: Format) {
    let values: [Float] = [.infinity, -.infinity, .greatestFiniteMagnitude, -0.0, 0]
    #expect(
      narrowed(kernels, format, values)
        == [format.infinity, format.infinity | 0x8000, format.infinity, 0x8000, 0])
    let nan = floats(kernels, format, narrowed(kernels, format, [.nan, -.nan, .signalingNaN]))
    #expect(nan.allSatisfy { $0.isNaN })
    let baseline = VectorKernelCases.kernels[0]
    for count in VectorKernelCases.lengths {
      let x = VectorKernelCases.floats(count, "x", size: 1e-4)
      #expect(narrowed(kernels, format, x) == narrowed(baseline, format, x), "\(count)")
      _ = floats(kernels, format, [UInt16](repeating: 1, count: count))
    }
  }
}
