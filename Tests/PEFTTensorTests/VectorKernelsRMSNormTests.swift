import PEFTTensor
import Testing

@Suite struct VectorKernelsRMSNormTests {
  private static let shapes = Array(1...70) + [127, 512, 1000]

  private func rows(_ x: [Float], _ columns: Int) -> [[Double]] {
    stride(from: 0, to: x.count, by: columns).map { x[$0..<$0 + columns].map(Double.init) }
  }

  @Test(arguments: VectorKernelCases.kernels, [1e-6, 1, 1e6] as [Float])
  func value(kernels: VectorKernels, size: Float) {
    for columns in Self.shapes {
      let count = 3 * columns
      let x = VectorKernelCases.floats(count, "x", size: size)
      let residual = VectorKernelCases.floats(count, "residual", size: size)
      let scale = VectorKernelCases.floats(columns, "scale")
      for hasResidual in [false, true] {
        var (y, normalized) = ([Float](repeating: 9, count: count + 1), x + [9])
        var inverse = [Float](repeating: 9, count: 4)
        withPointer(hasResidual ? residual : nil) { added in
          kernels.rmsNorm(
            rows: 3, columns: columns, x, residual: added, scale: scale, epsilon: 1e-5, into: &y,
            normalized: &normalized, inverseDeviation: &inverse)
        }
        #expect([y.removeLast(), normalized.removeLast(), inverse.removeLast()] == [9, 9, 9])
        // The sum is a float, so its rounding is not an error of the norm.
        let sums = hasResidual ? zip(x, residual).map { $0 + $1 } : x
        let expected = rows(sums, columns).map {
          ReferenceKernels.rmsNormalized($0, epsilon: Double(Float(1e-5)))
        }
        // Squares are summed in parts, with up to 64 roundings; the square root halves their error.
        expectClose(inverse, expected.map(\.inverseDeviation), "1/√ of \(columns)") { 4e-7 * $0 }
        let values = expected.flatMap(\.values)
        expectClose(normalized, values, "x̂ of \(columns)") { 5e-7 * abs($0) }
        let output = values.enumerated().map { $1 * Double(scale[$0 % columns]) }
        expectClose(y, output, "y of \(columns)") { 6e-7 * abs($0) }
      }
    }
  }

  /// Rows of zeros stay zero, and values that are not finite affect only their own row.
  @Test(arguments: VectorKernelCases.kernels)
  func edges(kernels: VectorKernels) {
    for columns in [1, 7, 16, 33] {
      var x = VectorKernelCases.floats(3 * columns, "x")
      for column in 0..<columns { x[column] = 0 }
      x[2 * columns - 1] = .nan
      var y = [Float](repeating: 9, count: x.count)
      var (normalized, inverse) = (y, [0, 0, 0] as [Float])
      kernels.rmsNorm(
        rows: 3, columns: columns, x, residual: nil, scale: x.map { _ in 1 }, epsilon: 1e-5,
        into: &y, normalized: &normalized, inverseDeviation: &inverse)
      #expect(y[..<columns].allSatisfy { $0 == 0 })
      #expect(y[columns..<2 * columns].allSatisfy { $0.isNaN })
      #expect(y[(2 * columns)...].allSatisfy { $0.isFinite && $0 != 0 })
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func derivatives(kernels: VectorKernels) {
    for columns in Self.shapes {
      let direction = VectorKernelCases.floats(2 * columns, "direction")
      let normalized = VectorKernelCases.floats(2 * columns, "normalized")
      let inverse: [Float] = [0.5, 2]
      let scale = VectorKernelCases.floats(columns, "scale")
      let scaleDirection = VectorKernelCases.floats(columns, "scale direction")
      func derivative(_ q: [Double]) -> [Double] {
        (0..<2).flatMap { row in
          let range = row * columns..<(row + 1) * columns
          return ReferenceKernels.rmsNormalizedDerivative(
            Array(q[range]), normalized: normalized[range].map(Double.init),
            inverseDeviation: Double(inverse[row]))
        }
      }
      func weight(_ index: Int) -> Double { Double(scale[index % columns]) }
      var result = [Float](repeating: 9, count: 2 * columns + 1)
      kernels.rmsNormPullback(
        rows: 2, columns: columns, direction, normalized: normalized, inverseDeviation: inverse,
        scale: scale, into: &result)
      #expect(result.removeLast() == 9)
      let pulled = derivative(direction.indices.map { weight($0) * Double(direction[$0]) })
      // Sums of products of up to three normal numbers, with a few roundings.
      expectClose(result, pulled, "pullback of \(columns)") { 2e-5 * max(1, abs($0)) }
      let pushed = derivative(direction.map(Double.init))
      for missing in 0..<4 {
        let tangent = missing & 1 == 0 ? direction : nil
        let scaleTangent = missing & 2 == 0 ? scaleDirection : nil
        var result = [Float](repeating: 9, count: 2 * columns + 1)
        withPointer(tangent) { tangent in
          withPointer(scaleTangent) { scaleTangent in
            kernels.rmsNormTangent(
              rows: 2, columns: columns, tangent, normalized: normalized,
              inverseDeviation: inverse, scale: scale, scaleDirection: scaleTangent,
              into: &result)
          }
        }
        #expect(result.removeLast() == 9)
        let expected = result.indices.map { index -> Double in
          let moved = tangent == nil ? 0 : weight(index) * pushed[index]
          return moved + Double(normalized[index]) * Double(scaleTangent?[index % columns] ?? 0)
        }
        expectClose(result, expected, "tangent of \(columns), case \(missing)") {
          2e-5 * max(1, abs($0))
        }
      }
    }
  }
}
