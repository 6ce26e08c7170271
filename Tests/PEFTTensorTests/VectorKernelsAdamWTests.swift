import PEFTTensor
import Testing

@Suite struct VectorKernelsAdamWTests {
  private let constants = VectorKernels.AdamWConstants(
    learningRate: 0.01, beta1: 0.875, beta2: 0.984375, epsilon: 1e-6, weightDecay: 0.1,
    biasCorrection1: 0.234375, biasCorrection2: 0.03100586, gradientScale: 0.5)

  @Test(arguments: VectorKernelCases.kernels)
  func step(kernels: VectorKernels) {
    for count in VectorKernelCases.lengths {
      let parameters = VectorKernelCases.floats(count, "p")
      let gradient = VectorKernelCases.floats(count, "g", size: 1e-3)
      let mean = VectorKernelCases.floats(count, "m", size: 1e-4)
      let meanSquare = VectorKernelCases.floats(count, "v", size: 1e-3).map { $0 * $0 }
      var (p, m, v) = (parameters + [9], mean + [9], meanSquare + [9])
      var direction = [Float](repeating: 9, count: count + 1)
      kernels.adamWDirection(
        count: count, constants, gradient: gradient, mean: mean, meanSquare: meanSquare,
        into: &direction)
      kernels.adamW(
        count: count, constants, parameters: &p, gradient: gradient, mean: &m, meanSquare: &v)
      #expect(
        [p.removeLast(), m.removeLast(), v.removeLast(), direction.removeLast()] == [9, 9, 9, 9])
      let expected = (0..<count).map { index in
        ReferenceKernels.adamW(
          constants, parameter: Double(parameters[index]), gradient: Double(gradient[index]),
          mean: Double(mean[index]), meanSquare: Double(meanSquare[index]))
      }
      // m is a difference of numbers near 1e-3; v is a sum of positive numbers.
      expectClose(m, expected.map(\.mean), "m") { _ in 4e-10 }
      expectClose(v, expected.map(\.meanSquare), "v") { 4e-7 * $0 }
      expectClose(p, expected.map(\.parameter), "p") { 2e-7 * max(1, abs($0)) }
      let rate = Double(constants.learningRate)
      let decay = 1 - rate * Double(constants.weightDecay)
      let directions = expected.indices.map {
        (Double(parameters[$0]) * decay - expected[$0].parameter) / rate
      }
      expectClose(direction, directions, "direction") { 2e-6 * max(1, abs($0)) }
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func zeroGradientOnlyDecays(kernels: VectorKernels) {
    let zeros = [Float](repeating: 0, count: 21)
    var (p, m, v) = (zeros.map { _ in Float(2) }, zeros, zeros)
    kernels.adamW(
      count: 21, constants, parameters: &p, gradient: zeros, mean: &m, meanSquare: &v)
    #expect(p == zeros.map { _ in 2 * Float(1 - 0.01 * 0.1) })
    #expect(m == zeros && v == zeros)
  }
}
