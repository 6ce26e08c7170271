import PEFTTensor
import Testing

/// Compares the three products of a linear map with loops in Double, for sizes below and above the
/// one from which a product is split over the workers.
@Suite("Matrix products")
struct MatrixProductTests {
  /// The numbers of rows, inputs and outputs.
  struct Sizes: Sendable, CustomTestStringConvertible {
    let (rows, inputs, outputs): (Int, Int, Int)

    init(_ rows: Int, _ inputs: Int, _ outputs: Int) {
      (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
    }

    var testDescription: String { "\(rows) rows, \(inputs) to \(outputs)" }

    static let all =
      [1, 2, 3, 7, 17].flatMap { rows in
        [1, 5, 16, 33].flatMap { inputs in [1, 3, 8, 31].map { Sizes(rows, inputs, $0) } }
      }
      + [Sizes(71, 65, 67), Sizes(3, 257, 263), Sizes(263, 257, 3), Sizes(259, 3, 257)]
  }

  // Float32 sums of up to 263 products: the error of a sum is a few roundings relative to the norm
  // of its terms.
  private let tolerance = 2e-6

  @Test("x Wᵀ + b", arguments: Sizes.all)
  func forward(sizes: Sizes) {
    let x = OperationProblem.normal([sizes.rows, sizes.inputs], "x")
    let weight = OperationProblem.normal([sizes.outputs, sizes.inputs], "weight")
    let bias = OperationProblem.normal([sizes.outputs], "bias")
    let tape = Tape()
    let y = tape.linear(
      Variable(constant: x, partition: RowPartition(examples: sizes.rows)),
      weight: Parameter(name: "weight", value: weight, isTrainable: false),
      bias: Parameter(name: "bias", value: bias, isTrainable: false))
    #expect(tape.operationCount == 0)
    let expected = (DoubleMatrix(x) * DoubleMatrix(weight).transposed)
      .addingToRows(DoubleMatrix(bias))
    #expect(relativeError(of: y.value, to: expected) < tolerance)
  }

  @Test("an activation inside the product changes no bit", arguments: Precision.allCases, [2, 71])
  func activation(precision: Precision, rows: Int) {
    let x = Variable(
      constant: OperationProblem.normal([rows, 65], "x"), partition: RowPartition(examples: rows))
    let weight = Parameter(name: "weight", value: OperationProblem.normal([259, 65], "weight"))
    for activation in Activation.allCases {
      for isTrainable in [true, false] {
        weight.trains = isTrainable ? .all : .none
        let apart = Tape(precision: precision)
        let expected = apart.activation(apart.linear(x, weight: weight), activation)
        let tape = Tape(precision: precision)
        let y = tape.linear(x, weight: weight, activation: activation)
        #expect(y.value.isIdentical(to: expected.value))
        #expect(tape.operationCount == (isTrainable ? 2 : 0))
        let upstream = OperationProblem.normal([rows, 259], "upstream")
        let gradients = [(apart, expected), (tape, y)].map { tape, y in
          let sink = GradientAccumulator(precision: precision)
          tape.pullBack(upstream, from: y, to: sink)
          return sink[weight]
        }
        if isTrainable, let first = gradients[0] {
          #expect(gradients[1]?.isIdentical(to: first) == true)
        } else {
          #expect(!isTrainable && gradients[0] == nil && gradients[1] == nil)
        }
      }
      weight.trains = .all
    }
  }

  @Test("S + s δ W", arguments: Sizes.all)
  func inputGradient(sizes: Sizes) {
    let upstream = OperationProblem.normal([sizes.rows, sizes.outputs], "upstream")
    let weight = OperationProblem.normal([sizes.outputs, sizes.inputs], "weight")
    let start = OperationProblem.normal([sizes.rows, sizes.inputs], "start")
    var sum = start
    sum.addProduct(of: upstream, weight, scale: -0.7)
    let expected =
      DoubleMatrix(start) + -0.7 * (DoubleMatrix(upstream) * DoubleMatrix(weight))
    #expect(relativeError(of: sum, to: expected) < tolerance)
    #expect(start.isIdentical(to: OperationProblem.normal(start.shape, "start")))
  }

  @Test("s δᵀ x, once and twice", arguments: Sizes.all)
  func weightGradient(sizes: Sizes) {
    let upstream = OperationProblem.normal([sizes.rows, sizes.outputs], "upstream")
    let input = OperationProblem.normal([sizes.rows, sizes.inputs], "input")
    let weight = Parameter(name: "weight", value: Tensor(zeros: [sizes.outputs, sizes.inputs]))
    let product = DoubleMatrix(upstream).transposed * DoubleMatrix(input)
    let sink = GradientAccumulator()
    var factor = 0.0
    for scale in [1.5, -0.25] as [Float] {
      sink.receive(
        .outerProduct(upstream: upstream, input: input, scale: scale), of: weight,
        partition: RowPartition(examples: sizes.rows))
      factor += Double(scale)
      let error = sink[weight].map { relativeError(of: $0, to: factor * product) }
      #expect(error ?? .infinity < tolerance, "sum \(factor)")
    }
  }
}
