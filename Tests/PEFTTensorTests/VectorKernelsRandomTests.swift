import PEFTTensor
import Testing

@Suite struct VectorKernelsRandomTests {
  private let key: UInt64 = 0x299F_31D0_A409_3822
  private let site: UInt64 = 0x0370_7344_1319_8A2E

  @Test func knownAnswers() {
    #expect(
      Philox.block(SIMD4(repeating: 0), key: 0)
        == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    #expect(
      Philox.block(SIMD4(repeating: .max), key: .max)
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox.block(
        SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), key: key)
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test(
    arguments: VectorKernelCases.kernels,
    [0, 1, 15, 16, 63, 64, 1 << 34 - 40, 0x1_7654_3210_FEDC, .max - 4200] as [UInt64])
  func words(kernels: VectorKernels, offset: UInt64) {
    for count in VectorKernelCases.lengths {
      var words = [UInt32](repeating: 99, count: count + 1)
      kernels.randomWords(count: count, key: key, site: site, offset: offset, into: &words)
      #expect(words.removeLast() == 99)
      let expected = (0..<count).map {
        Philox.word(offset + UInt64($0), site: site, key: key)
      }
      #expect(words == expected, "\(count) from \(offset)")
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [0, 5, 64, 1000] as [UInt64])
  func dropout(kernels: VectorKernels, offset: UInt64) {
    let threshold: UInt32 = 0x4CCC_CCCC
    for count in VectorKernelCases.lengths {
      var x = VectorKernelCases.floats(count, "x")
      for (index, edge) in zip(x.indices, VectorKernelCases.edges.reversed()) { x[index] = edge }
      let expected = x.indices.map { index in
        Philox.word(offset + UInt64(index), site: 3, key: key) >= threshold ? x[index] * 1.25 : 0
      }
      var y = [Float](repeating: 99, count: count + 1)
      kernels.dropout(
        count: count, key: key, site: 3, offset: offset, threshold: threshold, scale: 1.25, x,
        into: &y)
      #expect(y.removeLast() == 99)
      x.withUnsafeMutableBufferPointer { x in
        guard let start = x.baseAddress else { return }
        kernels.dropout(
          count: count, key: key, site: 3, offset: offset, threshold: threshold, scale: 1.25,
          start, into: start)
      }
      #expect(y.map(bits) == expected.map(bits), "\(count) from \(offset)")
      #expect(x.map(bits) == expected.map(bits), "in place, \(count) from \(offset)")
    }
  }

  /// The bits of a number, with one pattern for every NaN.
  private func bits(_ value: Float) -> UInt32 { value.isNaN ? 0x7FC0_0000 : value.bitPattern }

  @Test func keptShare() {
    var y = [Float](repeating: 0, count: 100_000)
    let ones = y.map { _ in Float(1) }
    VectorKernels.active.dropout(
      count: y.count, key: 1, site: 1, offset: 0, threshold: UInt32(0.1 * 0x1p32), scale: 1, ones,
      into: &y)
    let kept = y.reduce(0, +)
    let deviation: Float = 95  // of a binomial count of 100 000 at 0.9
    #expect(abs(kept - 90_000) < 5 * deviation)
  }
}
