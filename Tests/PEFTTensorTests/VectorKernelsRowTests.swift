import PEFTTensor
import Testing

@Suite struct VectorKernelsRowTests {
  private static let shapes = Array(1...70) + [127, 512, 1000]

  private func rows(_ x: [Float], _ columns: Int, stride: Int? = nil) -> [[Double]] {
    Swift.stride(from: 0, through: x.count - (stride ?? columns), by: stride ?? columns).map {
      x[$0..<$0 + columns].map(Double.init)
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [1, 0.125, -2] as [Float])
  func softmax(kernels: VectorKernels, scale: Float) {
    for columns in Self.shapes {
      let (count, stride) = (3, columns + 2)
      let before = VectorKernelCases.floats(count * stride, "x", size: 8)
      var (x, sums) = (before, [Float](repeating: 0, count: count))
      kernels.softmax(
        rows: count, columns: columns, stride: stride, scale: scale, &x, logSumExp: &sums)
      let scores = rows(before, columns, stride: stride).map { $0.map { Double(scale) * $0 } }
      expectClose(sums, scores.map(ReferenceKernels.logSumExp), "lse of \(columns)") {
        4e-7 * max(1, abs($0))
      }
      let values = rows(x, columns, stride: stride).flatMap { $0 }.map(Float.init)
      // Scores and log-sum-exp up to 64 are rounded to 2⁻¹⁸ at worst, and both enter an exponent.
      expectClose(values, scores.flatMap(ReferenceKernels.softmax), "softmax of \(columns)") {
        6e-6 * $0 + 2e-38
      }
      for index in x.indices where index % stride >= columns { #expect(x[index] == before[index]) }
      var again = before
      kernels.softmaxFromLogSumExp(
        rows: count, columns: columns, stride: stride, scale: scale, &again, logSumExp: sums)
      #expect(again == x, "the same bits from the log-sum-exp, \(columns) columns")
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func softmaxEdges(kernels: VectorKernels) {
    func softmax(_ row: [Float]) -> ([Float], Float) {
      var (x, sum) = (row, Float(0))
      kernels.softmax(
        rows: 1, columns: row.count, stride: row.count, scale: 1, &x, logSumExp: &sum)
      return (x, sum)
    }
    #expect(softmax([-.infinity, 0, -.infinity]) == ([0, 1, 0], 0))
    #expect(softmax([3e38, -3e38]) == ([1, 0], 3e38))
    #expect(softmax([-1000, 0, -89]) == ([0, 1, 0], 0))
    #expect(softmax([Float](repeating: -.infinity, count: 9)).0.allSatisfy { $0.isNaN })
    for index in 0..<19 {
      var row = [Float](repeating: 1, count: 19)
      row[index] = .nan
      #expect(softmax(row).0.allSatisfy { $0.isNaN }, "NaN at \(index)")
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func softmaxPullback(kernels: VectorKernels) {
    for columns in Self.shapes {
      let stride = columns + 1
      let p = VectorKernelCases.floats(2 * stride, "p").map { abs($0) / Float(columns) }
      let before = VectorKernelCases.floats(2 * stride, "g")
      var g = before
      kernels.softmaxPullback(
        rows: 2, columns: columns, stride: stride, scale: 0.125, p, &g)
      let expected = zip(rows(p, columns, stride: stride), rows(before, columns, stride: stride))
        .flatMap { ReferenceKernels.softmaxPullback(scale: 0.125, $0, $1) }
      let values = rows(g, columns, stride: stride).flatMap { $0 }.map(Float.init)
      // Sums of magnitude 1 with a few roundings, times p.
      expectClose(values, expected, "\(columns)") { _ in 1e-6 / Double(columns) }
      for index in g.indices where index % stride >= columns { #expect(g[index] == before[index]) }
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [0, 1000] as [Float])
  func layerNorm(kernels: VectorKernels, offset: Float) {
    for columns in Self.shapes {
      let count = 3 * columns
      let x = VectorKernelCases.floats(count, "x").map { $0 + offset }
      let residual = VectorKernelCases.floats(count, "residual")
      let scale = VectorKernelCases.floats(columns, "scale")
      let shift = VectorKernelCases.floats(columns, "shift")
      for hasResidual in [false, true] {
        var (y, normalized) = ([Float](repeating: 9, count: count + 1), x + [9])
        var inverse = [Float](repeating: 9, count: 4)
        let added: [Float]? = hasResidual ? residual : nil
        withPointer(added) { added in
          kernels.layerNorm(
            rows: 3, columns: columns, x, residual: added, scale: scale, shift: shift,
            epsilon: 1e-2, into: &y, normalized: &normalized, inverseDeviation: &inverse)
        }
        #expect([y.removeLast(), normalized.removeLast(), inverse.removeLast()] == [9, 9, 9])
        // The sum is a float, so its rounding is not an error of the norm.
        let sums = hasResidual ? zip(x, residual).map { $0 + $1 } : x
        let expected = rows(sums, columns).map {
          ReferenceKernels.normalized($0, epsilon: Double(Float(1e-2)))
        }
        expectClose(inverse, expected.map(\.inverseDeviation), "1/σ of \(columns)") { 2e-6 * $0 }
        // x̂ and y have magnitudes of at most 4 here, with a few roundings of the moments.
        expectClose(normalized, expected.flatMap(\.values), "x̂ of \(columns)") { _ in 4e-6 }
        let output = expected.flatMap(\.values).enumerated().map { index, value in
          value * Double(scale[index % columns]) + Double(shift[index % columns])
        }
        expectClose(y, output, "y of \(columns)") { _ in 1e-5 }
      }
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func layerNormDerivatives(kernels: VectorKernels) {
    for columns in Self.shapes {
      let direction = VectorKernelCases.floats(2 * columns, "direction")
      let normalized = VectorKernelCases.floats(2 * columns, "normalized")
      let inverse: [Float] = [0.5, 2]
      let scale = VectorKernelCases.floats(columns, "scale")
      let scaleDirection = VectorKernelCases.floats(columns, "scale direction")
      let shiftDirection = VectorKernelCases.floats(columns, "shift direction")
      func derivative(_ q: [Double]) -> [Double] {
        (0..<2).flatMap { row in
          let range = row * columns..<(row + 1) * columns
          return ReferenceKernels.normalizedDerivative(
            Array(q[range]), normalized: normalized[range].map(Double.init),
            inverseDeviation: Double(inverse[row]))
        }
      }
      func weight(_ index: Int) -> Double { Double(scale[index % columns]) }
      var result = [Float](repeating: 9, count: 2 * columns + 1)
      kernels.layerNormPullback(
        rows: 2, columns: columns, direction, normalized: normalized, inverseDeviation: inverse,
        scale: scale, into: &result)
      #expect(result.removeLast() == 9)
      let pulled = derivative(direction.indices.map { weight($0) * Double(direction[$0]) })
      // Sums of products of up to three normal numbers, with a few roundings.
      expectClose(result, pulled, "pullback of \(columns)") { 2e-5 * max(1, abs($0)) }
      let pushed = derivative(direction.map(Double.init))
      for missing in 0..<8 {
        let tangent = missing & 1 == 0 ? direction : nil
        let scaleTangent = missing & 2 == 0 ? scaleDirection : nil
        let shiftTangent = missing & 4 == 0 ? shiftDirection : nil
        var result = [Float](repeating: 9, count: 2 * columns)
        withPointer(tangent) { tangent in
          withPointer(scaleTangent) { scaleTangent in
            withPointer(shiftTangent) { shiftTangent in
              kernels.layerNormTangent(
                rows: 2, columns: columns, tangent, normalized: normalized,
                inverseDeviation: inverse, scale: scale, scaleDirection: scaleTangent,
                shiftDirection: shiftTangent, into: &result)
            }
          }
        }
        let expected = result.indices.map { index -> Double in
          let moved = tangent == nil ? 0 : weight(index) * pushed[index]
          let scaled = Double(normalized[index]) * Double(scaleTangent?[index % columns] ?? 0)
          return moved + scaled + Double(shiftTangent?[index % columns] ?? 0)
        }
        expectClose(result, expected, "tangent of \(columns), case \(missing)") {
          2e-5 * max(1, abs($0))
        }
      }
    }
  }
}
