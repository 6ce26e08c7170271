import PEFTTensor
import Testing

@Suite("Matrices of bfloat16 numbers")
struct BFloatMatrixTests {
  /// The last is large enough to be packed by several workers, and sums several blocks.
  private static let shapes: [Shape] = [
    [70, 45], [1, 33], [33, 1], [96, 64], [47, 50], [130, 97], [411, 503],
  ]

  /// A matrix of some random numbers.
  private static func matrix(_ shape: Shape, _ purpose: String = "matrix") -> BFloatMatrix {
    let values = VectorKernelCases.floats(shape.count, purpose)
    return BFloatMatrix(shape) { elements in
      for (index, value) in values.enumerated() { elements[index] = HalfPrecision.bfloat(value) }
    }
  }

  /// A parameter with such a value; counts how often it is read.
  private static func parameter(
    _ shape: Shape, counting count: @escaping () -> Void = {}
  ) -> Parameter {
    let parameter = Parameter(name: "matrix", zeros: shape, isTrainable: false)
    #expect(parameter.shape == shape && parameter.valueBytes == 0)
    parameter.hold(
      matrix(shape),
      from: .bfloats { () throws(FileError) in
        count()
        return matrix(shape)
      })
    return parameter
  }

  @Test("products of every instruction set have the bits of those in Float")
  func products() {
    for kernels in VectorKernelCases.kernels {
      for shape in Self.shapes {
        for rows in [1, 5, 16, 17, 50] {
          check(kernels, shape, rows: rows)
        }
      }
    }
  }

  private func check(_ kernels: VectorKernels, _ shape: Shape, rows: Int) {
    let (matrix, pool) = (Self.matrix(shape), WorkerPool(workerCount: 3))
    let numbers = matrix.expanded.elements
    for isTransposed in [true, false] {
      let (columns, inner) =
        isTransposed ? (shape.rows, shape.columns) : (shape.columns, shape.rows)
      let a = VectorKernelCases.floats(rows * inner, "a")
      var (plain, bfloat) = (
        [Float](repeating: 0, count: rows * columns), [Float](repeating: 1, count: rows * columns)
      )
      a.withUnsafeBufferPointer { a in
        guard let a = a.baseAddress else { return }
        let factor = VectorKernels.Factor(a, stride: inner)
        numbers.withUnsafeBufferPointer { b in
          plain.withUnsafeMutableBufferPointer { c in
            guard let b = b.baseAddress, let c = c.baseAddress else { return }
            kernels.product(
              factor, .init(b, stride: shape.columns, isTransposed: isTransposed), rows: rows,
              columns: columns, inner: inner, into: c, stride: columns, on: pool)
          }
        }
        matrix.withElements { b in
          bfloat.withUnsafeMutableBufferPointer { c in
            guard let c = c.baseAddress else { return }
            kernels.product(
              factor,
              VectorKernels.BFloatFactor(b, stride: shape.columns, isTransposed: isTransposed),
              rows: rows, columns: columns, inner: inner, into: c, stride: columns, on: pool)
          }
        }
      }
      #expect(plain == bfloat, "\(kernels.instructionSet), \(shape), \(rows), \(isTransposed)")
    }
  }

  @Test("products of few rows of every instruction set have the bits of those in Float")
  func rowProducts() {
    for kernels in VectorKernelCases.kernels {
      for shape in Self.shapes {
        let (matrix, rows) = (Self.matrix(shape), 3)
        let x = VectorKernelCases.floats(rows * shape.columns, "x")
        var (plain, bfloat) = (
          [Float](repeating: 0, count: rows * shape.rows),
          [Float](repeating: 1, count: rows * shape.rows)
        )
        kernels.rowProducts(
          rows: rows, outputs: shape.rows, inner: shape.columns, scale: 0.5, x,
          matrix.expanded.elements, into: &plain, stride: shape.rows)
        matrix.withElements { w in
          kernels.rowProducts(
            rows: rows, outputs: shape.rows, inner: shape.columns, scale: 0.5, x, w, into: &bfloat,
            stride: shape.rows)
        }
        #expect(plain == bfloat, "\(kernels.instructionSet), \(shape)")
      }
    }
  }

  @Test("a packed matrix that is transposed gives the products of one that is packed transposed")
  func transposedPacking() {
    let pool = WorkerPool(workerCount: 3)
    for kernels in VectorKernelCases.productKernels {
      for shape in Self.shapes {
        let rows = 19
        let a = VectorKernelCases.floats(rows * shape.rows, "a")
        var results: [[Float]] = []
        Self.matrix(shape).expanded.withUnsafeElements { numbers in
          guard let start = numbers.baseAddress else { return }
          func packed(_ isTransposed: Bool) -> PackedFactor {
            PackedFactor(
              VectorKernels.Factor(start, stride: shape.columns, isTransposed: isTransposed),
              columns: 0..<(isTransposed ? shape.rows : shape.columns),
              inner: isTransposed ? shape.columns : shape.rows, precision: .bf16, by: kernels,
              on: pool)
          }
          let factors = [
            packed(false), PackedFactor(transposing: packed(true), by: kernels, on: pool),
          ]
          results = factors.map { factor in
            var c = [Float](repeating: 0, count: rows * shape.columns)
            a.withUnsafeBufferPointer { a in
              c.withUnsafeMutableBufferPointer { c in
                guard let a = a.baseAddress, let c = c.baseAddress else { return }
                kernels.product(
                  VectorKernels.Factor(a, stride: shape.rows), factor, rows: rows, into: c,
                  stride: shape.columns, on: pool)
              }
            }
            return c
          }
        }
        #expect(
          results.count == 2 && results[0] == results[1], "\(kernels.instructionSet), \(shape)")
      }
    }
  }

  @Test(
    "a layer has the same outputs and gradients as in Float", arguments: [1, 16, 40],
    Precision.allCases)
  func layer(rows: Int, precision: Precision) throws {
    for shape in Self.shapes {
      let bias = Parameter(name: "bias", value: Tensor(repeating: 0.5, shape: [shape.rows]))
      let front = Parameter(
        name: "front",
        value: Tensor(
          VectorKernelCases.floats(shape.columns * 8, "front"), shape: [shape.columns, 8]))
      let inputs = Tensor(VectorKernelCases.floats(rows * 8, "inputs"), shape: [rows, 8])
      let upstream = Tensor(
        VectorKernelCases.floats(rows * shape.rows, "upstream"), shape: [rows, shape.rows])
      /// The outputs, their tangent along `front`, and the gradient of `front`.
      func results(_ weight: Parameter) throws -> [Tensor] {
        let tape = Tape(precision: precision)
        let output = tape.linear(
          tape.linear(
            Variable(constant: inputs, partition: RowPartition(lengths: [rows])), weight: front),
          weight: weight, bias: bias, activation: .gelu)
        let tangent = tape.tangent(of: output, along: [front: front.value])
        let sink = GradientAccumulator(precision: precision)
        tape.pullBack(upstream, from: output, to: sink)
        return [output.value, tangent, try #require(sink[front])]
      }
      let weight = Self.parameter(shape)
      let bfloat = try results(weight)
      #expect(weight.valueBytes <= 2 * shape.count + 2)
      let plain = Parameter(name: "plain", value: weight.value, isTrainable: false)
      #expect(weight.valueBytes == 4 * shape.count)
      for (left, right) in zip(bfloat, try results(plain)) {
        #expect(left.isIdentical(to: right), "\(shape)")
      }
    }
  }

  @Test("a table gives the same rows and logits as in Float, and stays in two bytes")
  func table() {
    let shape: Shape = [33, 14]
    let table = Parameter(name: "table", zeros: shape, isTrainable: false)
    table.hold(Self.matrix(shape), from: nil)
    let plain = Parameter(name: "plain", value: Self.matrix(shape).expanded, isTrainable: false)
    let other = Parameter(
      name: "other", value: Tensor(VectorKernelCases.floats(7 * 14, "other"), shape: [7, 14]))
    func results(_ table: Parameter) -> [Tensor] {
      [Precision.fp32, .bf16].flatMap { precision in
        let tape = Tape(precision: precision)
        let x = tape.embeddingSum(
          [(table, [32, 0, 5, 5, 17]), (other, [6, 0, 1, 2, 2])],
          partition: RowPartition(lengths: [2, 3]))
        let loss = tape.crossEntropy(
          x, VocabularyMap(table: table), labels: [1, 2, 30, 4, 5])
        return [x.value, loss.variable.value]
      }
    }
    for (left, right) in zip(results(table), results(plain)) {
      #expect(left.isIdentical(to: right))
    }
    #expect(table.valueBytes == 2 * shape.count)
    let held = table.held
    #expect(table.value.isIdentical(to: plain.value) && table.valueBytes == 4 * shape.count)
    table.restore(held)
    #expect(table.valueBytes == 2 * shape.count && table.origin == nil)
  }

  @Test("the value is converted when it is asked for, and read again after bf16 products")
  func forms() throws {
    let shape: Shape = [70, 45]
    var reads = 0
    let weight = Self.parameter(shape) { reads += 1 }
    let expected = Self.matrix(shape).expanded
    func multiply(_ precision: Precision) {
      let x = Tensor(VectorKernelCases.floats(40 * 45, "x"), shape: [40, 45])
      _ = Tape(precision: precision).linear(
        Variable(constant: x, partition: RowPartition(lengths: [40])), weight: weight)
    }
    #expect(weight.shape == shape && weight.unpackedBytes == 2 * shape.count)
    multiply(.bf16)
    #expect(weight.valueBytes == 0 && weight.packedBytes >= 2 * shape.count && reads == 0)
    #expect(weight.unpackedBytes == 2 * shape.count && weight.shape == shape)
    multiply(.fp32)
    #expect(weight.valueBytes == 2 * shape.count && weight.packedBytes == 0)
    #expect(weight.value.isIdentical(to: expected) && weight.valueBytes == 4 * shape.count)
    multiply(.bf16)
    try weight.readAgain()
    #expect(weight.packedBytes == 0 && weight.valueBytes == 2 * shape.count && reads == 2)
    // What something else holds as well is not read again.
    do {
      let held = weight.held
      multiply(.bf16)
      #expect(weight.valueBytes == 2 * shape.count && weight.packedBytes > 0 && reads == 2)
      weight.restore(held)
    }
    multiply(.bf16)
    #expect(weight.valueBytes == 0)
    // A change ends it.
    weight.value.withUnsafeMutableElements { $0[0] += 1 }
    #expect(weight.origin == nil && weight.valueBytes == 4 * shape.count)
    #expect(weight.value.elements.dropFirst() == expected.elements.dropFirst())
  }

  @Test("zeros are made when they are asked for")
  func zeros() {
    let weight = Parameter(name: "zeros", zeros: [3, 5])
    #expect(weight.shape == [3, 5] && weight.count == 15 && weight.valueBytes == 0)
    #expect(weight.value.elements == Array(repeating: 0, count: 15) && weight.valueBytes == 60)
    let changed = Parameter(name: "changed", zeros: [3, 5])
    changed.value.withUnsafeMutableElements { $0[4] = 2 }
    #expect(changed.value.elements.filter { $0 != 0 } == [2])
  }

  @Test("a changed value goes back to what it was, in two bytes")
  func restored() {
    let weight = Self.parameter([4, 6])
    let (held, expected) = (weight.held, Self.matrix([4, 6]).expanded)
    weight.restore(held)
    #expect(weight.valueBytes == 48)
    #expect(weight.plainValue.isIdentical(to: expected) && weight.valueBytes == 48)
    #expect(weight.value.isIdentical(to: expected) && weight.valueBytes == 96)
    weight.restore(held)
    #expect(weight.valueBytes == 48)
    weight.value.withUnsafeMutableElements { $0[3] = 9 }
    weight.restore(held)
    #expect(weight.valueBytes == 48 && weight.origin != nil)
    #expect(weight.value.isIdentical(to: expected))
  }

  @Test("infinities and NaN are found")
  func finite() {
    #expect(Self.matrix([3, 5]).isFinite)
    for bits: UInt16 in [0x7f80, 0xff80, 0x7fc1] {
      let matrix = BFloatMatrix([3, 5]) { elements in
        elements.update(repeating: 0)
        elements[14] = bits
      }
      #expect(!matrix.isFinite)
    }
  }
}
