import PEFTTensor
import Testing

@Suite struct VectorKernelsLinearTests {
  @Test(arguments: VectorKernelCases.kernels)
  func elementwise(kernels: VectorKernels) {
    for count in VectorKernelCases.lengths {
      let x = VectorKernelCases.floats(count, "x")
      let y = VectorKernelCases.floats(count + 1, "y")
      var sum = y
      kernels.addScaled(count: count, 0.3, x, to: &sum)
      let expected = zip(x, y).map { Double(Float(0.3)) * Double($0) + Double($1) }
      // One or two roundings, of a product and a sum of magnitude 1.
      expectClose(Array(sum.dropLast()), expected, "addScaled") { 0x1p-23 * (1 + abs($0)) }
      #expect(sum.last == y.last)
      var product = y
      kernels.scale(count: count, 0.3, &product)
      #expect(product == y.dropLast().map { $0 * 0.3 } + y.suffix(1))
      var products = y
      kernels.multiply(count: count, x, y, into: &products)
      #expect(products == zip(x, y).map { $0 * $1 } + y.suffix(1))
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func reductions(kernels: VectorKernels) {
    for count in VectorKernelCases.lengths {
      let x = VectorKernelCases.floats(count, "x")
      let y = VectorKernelCases.floats(count, "y")
      let products = zip(x, y).map { Double($0) * Double($1) }
      let size = products.reduce(0) { $0 + abs($1) }
      #expect(
        abs(kernels.dot(count: count, x, y) - products.reduce(0, +)) <= 1e-13 * size, "\(count)")
      let squares = x.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(kernels.sumOfSquares(count: count, x) - squares) <= 1e-13 * squares, "\(count)")
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [0, 1, 3, 4, 9])
  func sampledProducts(kernels: VectorKernels, tokens: Int) {
    let (outputs, inputs, count) = (5, 7, 11)
    let left = VectorKernelCases.floats(tokens * outputs, "left")
    let right = VectorKernelCases.floats(tokens * inputs, "right")
    let rows = (0..<count).map { Int32($0 * 3 % outputs) }
    let columns = (0..<count).map { Int32($0 * 5 % inputs) }
    var sums = [Double](repeating: 2, count: count + 1)
    kernels.addSampledProducts(
      of: left, leftStride: outputs, right, rightStride: inputs, tokens: tokens, rows: rows,
      columns: columns, count: count, to: &sums)
    for index in 0..<count {
      let expected = (0..<tokens).reduce(2.0) { sum, token in
        sum + Double(left[token * outputs + Int(rows[index])])
          * Double(right[token * inputs + Int(columns[index])])
      }
      #expect(sums[index] == expected, "\(index)")
    }
    #expect(sums[count] == 2)
  }

  @Test(arguments: VectorKernelCases.kernels, [1, 2, 5])
  func productsOfFewRows(kernels: VectorKernels, rows: Int) {
    for inner in VectorKernelCases.lengths where inner > 0 {
      for outputs in [1, 4, 7] {
        let x = VectorKernelCases.floats(rows * inner, "x")
        let w = VectorKernelCases.floats(outputs * inner, "w")
        var y = [Float](repeating: 7, count: rows * (outputs + 1))
        kernels.rowProducts(
          rows: rows, outputs: outputs, inner: inner, scale: 0.5, x, w, into: &y,
          stride: outputs + 1)
        for row in 0..<rows {
          for output in 0..<outputs {
            let products = (0..<inner).map {
              0.5 * Double(x[row * inner + $0]) * Double(w[output * inner + $0])
            }
            let size = products.reduce(0) { $0 + abs($1) }
            let error = abs(Double(y[row * (outputs + 1) + output]) - products.reduce(0, +))
            // Partial sums of at most inner / 8 terms, each rounded.
            #expect(error <= 0x1p-23 * size * Double(inner + 2) / 4, "\(row), \(output), \(inner)")
          }
          #expect(y[row * (outputs + 1) + outputs] == 7)
        }
      }
    }
  }

  @Test(arguments: VectorKernelCases.kernels)
  func largeNumbersDoNotOverflowInSums(kernels: VectorKernels) {
    let x = [Float](repeating: 1e30, count: 37)
    #expect(abs(kernels.sumOfSquares(count: 37, x) / 37e60 - 1) < 1e-6)
    #expect(kernels.dot(count: 2, [.infinity, 1], [1, 1]) == .infinity)
    #expect(kernels.dot(count: 2, [.infinity, 1], [0, 1]).isNaN)
  }

  @Test(arguments: VectorKernelCases.kernels)
  func finiteness(kernels: VectorKernels) {
    for count in 0...70 {
      var x = Array(VectorKernelCases.edges.filter(\.isFinite).prefix(count))
      x += [Float](repeating: -.greatestFiniteMagnitude, count: count - x.count)
      #expect(kernels.allFinite(count: count, x))
      for index in 0..<count {
        for value in [Float.infinity, -.infinity, .nan, .signalingNaN] {
          var spoiled = x
          spoiled[index] = value
          #expect(!kernels.allFinite(count: count, spoiled), "\(value) at \(index) of \(count)")
        }
      }
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [0, 1, 2, 15, 16, 17, 33, 200])
  func columns(kernels: VectorKernels, rows: Int) {
    for columns in Array(1...35) + [64, 70, 131] {
      let stride = columns + 3
      let x = VectorKernelCases.floats(rows * stride + 1, "x")
      let y = VectorKernelCases.floats(rows * stride + 1, "y")
      let start = VectorKernelCases.floats(columns + 1, "sums")
      let dense = dense(x, rows, columns, stride)
      let other = self.dense(y, rows, columns, stride)
      for accumulating in [false, true] {
        var (sums, products) = (start, start)
        kernels.columnSums(
          rows: rows, columns: columns, stride: stride, of: x, into: &sums,
          accumulating: accumulating)
        kernels.columnSumsOfProducts(
          rows: rows, columns: columns, stride: stride, of: x, times: y, into: &products,
          accumulating: accumulating)
        #expect(sums.removeLast() == start.last)
        #expect(products.removeLast() == start.last)
        let first = accumulating ? start.map(Double.init) : start.map { _ in 0 }
        let plain = ReferenceKernels.columnSums(dense, columns: columns)
        let paired = ReferenceKernels.columnSums(dense, times: other, columns: columns)
        // Sixteen roundings of partial sums, whose magnitudes grow with the root of the number of
        // rows.
        let bound = 16 * 0x1p-24 * (Double(rows).squareRoot() * 4 + 4)
        expectClose(sums, zip(first, plain).map(+), "\(rows) × \(columns)") { _ in bound }
        expectClose(products, zip(first, paired).map(+), "\(rows) × \(columns)") { _ in bound }
      }
    }
  }

  /// A column's sum has the same bits, whichever columns are summed with it.
  @Test(arguments: VectorKernelCases.kernels)
  func columnsDoNotDependOnTheCut(kernels: VectorKernels) {
    let (rows, columns) = (45, 77)
    let x = VectorKernelCases.floats(rows * columns, "x")
    func sums(from cut: Int) -> [Float] {
      var sums = [Float](repeating: 0, count: columns - cut)
      let part = Array(x[cut...]) + [Float](repeating: 0, count: cut)
      kernels.columnSumsOfProducts(
        rows: rows, columns: columns - cut, stride: columns, of: part, times: part, into: &sums,
        accumulating: false)
      return sums
    }
    let whole = sums(from: 0)
    for cut in 0...columns {
      #expect(sums(from: cut) == Array(whole[cut...]), "cut at \(cut)")
    }
  }

  @Test(arguments: VectorKernelCases.kernels, [0, 1, 3])
  func bias(kernels: VectorKernels, rows: Int) {
    for columns in 0...70 {
      let stride = columns + 2
      let before = VectorKernelCases.floats(rows * stride + 1, "x")
      let bias = VectorKernelCases.floats(columns, "bias")
      var x = before
      kernels.addBias(rows: rows, columns: columns, stride: stride, to: &x, bias: bias)
      let expected = before.indices.map { index in
        let isInside = index % stride < columns && index / stride < rows
        return isInside ? before[index] + bias[index % stride] : before[index]
      }
      #expect(x == expected, "\(rows) × \(columns)")
    }
  }

  private func dense(_ x: [Float], _ rows: Int, _ columns: Int, _ stride: Int) -> [Double] {
    (0..<rows * columns).map { Double(x[$0 / columns * stride + $0 % columns]) }
  }
}
