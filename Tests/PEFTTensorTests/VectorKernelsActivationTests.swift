import Foundation
import PEFTTensor
import Testing

@Suite struct VectorKernelsActivationTests {
  enum Function: String, CaseIterable, Sendable { case gelu, geluTanh, tanh, silu, relu }

  private func value(_ kernels: VectorKernels, _ function: Function, _ x: [Float]) -> [Float] {
    var y = [Float](repeating: 99, count: x.count + 1)
    switch function {
    case .gelu: kernels.gelu(count: x.count, x, into: &y)
    case .geluTanh: kernels.geluTanh(count: x.count, x, into: &y)
    case .tanh: kernels.tanh(count: x.count, x, into: &y)
    case .silu: kernels.silu(count: x.count, x, into: &y)
    case .relu: kernels.relu(count: x.count, x, into: &y)
    }
    #expect(y.removeLast() == 99, "\(function) wrote beyond its end")
    return y
  }

  private func derivative(
    _ kernels: VectorKernels, _ function: Function, _ x: [Float], _ v: [Float]
  ) -> [Float] {
    var y = [Float](repeating: 99, count: x.count + 1)
    switch function {
    case .gelu: kernels.geluDerivative(count: x.count, x, times: v, into: &y)
    case .geluTanh: kernels.geluTanhDerivative(count: x.count, x, times: v, into: &y)
    case .tanh: kernels.tanhDerivative(count: x.count, x, times: v, into: &y)
    case .silu: kernels.siluDerivative(count: x.count, x, times: v, into: &y)
    case .relu: kernels.reluDerivative(count: x.count, x, times: v, into: &y)
    }
    #expect(y.removeLast() == 99, "\(function) wrote beyond its end")
    return y
  }

  private func reference(_ function: Function, _ x: Float) -> Double {
    switch function {
    case .gelu: ReferenceKernels.gelu(Double(x))
    case .geluTanh: ReferenceKernels.geluTanh(Double(x))
    case .tanh: Foundation.tanh(Double(x))
    case .silu: ReferenceKernels.silu(Double(x))
    case .relu: ReferenceKernels.relu(Double(x))
    }
  }

  private func referenceDerivative(_ function: Function, _ x: Float) -> Double {
    switch function {
    case .gelu: ReferenceKernels.geluDerivative(Double(x))
    case .geluTanh: ReferenceKernels.geluTanhDerivative(Double(x))
    case .tanh: (1 - Double(x)) * (1 + Double(x))
    case .silu: ReferenceKernels.siluDerivative(Double(x))
    case .relu: ReferenceKernels.reluDerivative(Double(x))
    }
  }

  @Test(arguments: VectorKernelCases.kernels, Function.allCases)
  func everyLength(kernels: VectorKernels, function: Function) {
    for count in VectorKernelCases.lengths {
      let x = VectorKernelCases.floats(count, "x", size: 3)
      let v = VectorKernelCases.floats(count, "v")
      expectClose(
        value(kernels, function, x), x.map { reference(function, $0) }, "\(function)"
      ) { max(4 * 0x1p-24 * abs($0), 2e-7) }
      let products = zip(x, v).map { referenceDerivative(function, $0) * Double($1) }
      expectClose(derivative(kernels, function, x, v), products, "\(function)'") {
        4e-7 * max(4, abs($0))
      }
    }
  }

  /// −30 … 30 in steps of 2⁻¹⁰, where the functions vary, within the documented errors.
  @Test(arguments: VectorKernelCases.kernels, Function.allCases)
  func errorBounds(kernels: VectorKernels, function: Function) {
    let x = (-30_720...30_720).map { Float($0) / 1024 }
    let ones = [Float](repeating: 1, count: x.count)
    expectClose(value(kernels, function, x), x.map { reference(function, $0) }, "\(function)") {
      function == .tanh ? 4 * 0x1p-23 * abs($0) : 2e-7 * max(1, abs($0))
    }
    guard function != .tanh else { return }
    expectClose(
      derivative(kernels, function, x, ones), x.map { referenceDerivative(function, $0) },
      "\(function)'"
    ) { _ in 4e-7 }
  }

  /// Arguments for which the functions are nearly linear, constant or undefined, to the last
  /// places.
  @Test(arguments: VectorKernelCases.kernels, Function.allCases)
  func edges(kernels: VectorKernels, function: Function) {
    let x = VectorKernelCases.edges.filter { !(1..<14).contains(abs($0)) }
    expectClose(value(kernels, function, x), x.map { reference(function, $0) }, "\(function)") {
      max(4 * 0x1p-23 * abs($0), 1e-36)
    }
    guard function != .tanh else { return }
    expectClose(
      derivative(kernels, function, x, x.map { _ in 1 }),
      x.map { referenceDerivative(function, $0) }, "\(function)'"
    ) { _ in 4e-7 }
  }

  /// The result for an element does not depend on where the array is split.
  @Test(arguments: VectorKernelCases.kernels, Function.allCases)
  func cuts(kernels: VectorKernels, function: Function) {
    let x = VectorKernelCases.floats(100, "x")
    let whole = value(kernels, function, x)
    for cut in 0...x.count {
      let parts =
        value(kernels, function, Array(x[..<cut])) + value(kernels, function, Array(x[cut...]))
      #expect(parts == whole, "cut at \(cut)")
    }
  }
}
