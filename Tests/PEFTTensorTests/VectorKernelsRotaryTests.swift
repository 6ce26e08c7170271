import PEFTTensor
import Testing

@Suite struct VectorKernelsRotaryTests {
  /// Every length that a tail of half a head can have, with one head and with several.
  @Test(arguments: VectorKernelCases.kernels, [1, 3])
  func everyWidth(kernels: VectorKernels, heads: Int) {
    for half in Array(1...40) + [64, 127] {
      let positions: [Int32] = [2, 0, 3, 2]
      let count = positions.count * heads * 2 * half
      let x = VectorKernelCases.floats(count, "x")
      let (cosines, sines) = (
        VectorKernelCases.floats(4 * half, "cosines"), VectorKernelCases.floats(4 * half, "sines")
      )
      for backwards in [false, true] {
        let expected = (0..<positions.count * heads).flatMap { part in
          let first = Int(positions[part / heads]) * half
          return ReferenceKernels.rotated(
            x[part * 2 * half..<(part + 1) * 2 * half].map(Double.init),
            cosines: cosines[first..<first + half].map(Double.init),
            sines: sines[first..<first + half].map { (backwards ? -1 : 1) * Double($0) })
        }
        var y = [Float](repeating: 9, count: count + 1)
        kernels.rotate(
          rows: positions.count, heads: heads, half: half, positions: positions,
          cosines: cosines, sines: sines, backwards: backwards, x, into: &y)
        #expect(y.removeLast() == 9)
        // Two roundings of products and one of their sum, each of magnitude at most 4.
        expectClose(y, expected, "half \(half), backwards \(backwards)") { _ in 1.5e-6 }
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { buffer in
          guard let start = buffer.baseAddress else { return }
          kernels.rotate(
            rows: positions.count, heads: heads, half: half, positions: positions,
            cosines: cosines, sines: sines, backwards: backwards, start, into: start)
        }
        #expect(inPlace == y)
      }
    }
  }
}
