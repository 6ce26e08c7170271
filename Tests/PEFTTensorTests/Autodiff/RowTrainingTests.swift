import PEFTTensor
import Testing

@Suite("Training selected rows")
struct RowTrainingTests {
  enum Method: CaseIterable, Sendable {
    case adamW
    case momentum

    func optimizer(_ parameters: [Parameter]) -> any Optimizer {
      switch self {
      case .adamW: AdamW(parameters: parameters)
      case .momentum: SGD(parameters: parameters, momentum: 0.9, weightDecay: 0.01)
      }
    }
  }

  @Test("five steps equal those of the whole matrix under a mask", arguments: Method.allCases)
  func masked(method: Method) throws {
    let (whole, part) = (RowNetwork(), RowNetwork())
    part.markRows()
    let start = part.parameters.map(\.value)
    var (full, restricted) = (
      method.optimizer(whole.parameters), method.optimizer(part.parameters)
    )
    for step in 0..<5 {
      let rawGradients = whole.gradients()
      let masked = GradientAccumulator()
      for (parameter, rows) in zip(whole.parameters, part.parameters.map(\.trains.chosenRows)) {
        let gradient = try #require(rawGradients[parameter])
        masked.receive(
          .dense(rows.map { gradient.keeping($0) } ?? gradient), of: parameter,
          partition: RowPartition(examples: 1))
      }
      let sink = part.gradients()
      let (wanted, norm) = (
        masked.globalNorm(of: whole.parameters), sink.globalNorm(of: part.parameters)
      )
      #expect(abs(norm - wanted) < 1e-6 * wanted)
      #expect(norm < 0.9 * rawGradients.globalNorm(of: whole.parameters))
      full.step(
        gradients: masked, learningRate: 0.01, gradientScale: clippingFactor(norm: wanted, limit: 1)
      )
      restricted.step(
        gradients: sink, learningRate: 0.01, gradientScale: clippingFactor(norm: norm, limit: 1))
      for (index, parameter) in part.parameters.enumerated() {
        let mine = parameter.value
        if let rows = parameter.trains.chosenRows {
          let others = (0..<parameter.shape[0]).filter { !rows.contains($0) }
          #expect(mine.picking(others).isIdentical(to: start[index].picking(others)))
          #expect(!mine.picking(rows).isIdentical(to: start[index].picking(rows)))
          // Undo the decay of the other rows in the whole matrix.
          whole.parameters[index].value = whole.parameters[index].value.replacing(
            others, by: start[index])
        }
        let error = mine.relativeError(to: whole.parameters[index].value)
        #expect(error < 1e-6, "step \(step), \(parameter.name)")
      }
    }
  }

  @Test("no tensor of the size of the matrix is allocated, nor anything after warm-up")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let network = RowNetwork(width: 512, rows: 4096, lengths: [3, 20])
      network.markRows()
      let matrixBytes = 4 * 512 * 4096
      let start = TensorMemory.current
      var optimizer = AdamW(parameters: network.parameters)
      var best: [Tensor] = []
      var warm = start
      let sink = GradientAccumulator()
      for step in 0..<8 {
        sink.reset()
        network.pullBack(to: sink)
        optimizer.step(gradients: sink, learningRate: 1e-3, gradientScale: 1)
        best = network.parameters.map(\.trainableValue)
        if step == 2 { warm = TensorMemory.current }
      }
      let end = TensorMemory.current
      #expect(best.count == network.parameters.count)
      #expect(end.peakBytesInUse - start.peakBytesInUse < matrixBytes / 2)
      #expect(end.bytesInUse - start.bytesInUse < matrixBytes / 16)
      #expect(end.allocations == warm.allocations)
    }
  }
}

/// A network with a table that is used twice, a matrix and a bias.
private struct RowNetwork {
  let table: Parameter
  let matrix: Parameter
  let bias: Parameter
  let lengths: [Int]

  init(width: Int = 48, rows: Int = 64, lengths: [Int] = [31, 1, 170]) {
    table = Self.parameter("table", [rows, width])
    matrix = Self.parameter("matrix", [rows, width])
    bias = Self.parameter("bias", [width])
    self.lengths = lengths
  }

  var parameters: [Parameter] { [table, matrix, bias] }

  func markRows() {
    table.trains = .rows([0, 1, 5, 40])
    matrix.trains = .rows([2, 3, 17, 62, 63])
  }

  func gradients() -> GradientAccumulator {
    let sink = GradientAccumulator()
    pullBack(to: sink)
    return sink
  }

  func pullBack(to sink: GradientAccumulator) {
    let partition = RowPartition(lengths: lengths)
    let tape = Tape()
    func embedding(_ factor: Int) -> Variable {
      let rows = (0..<partition.rowCount).map { Int32(factor * $0 % 60) }
      return tape.embeddingSum([(table: table, rows: rows)], partition: partition)
    }
    let scale = Parameter(
      name: "scale", value: Tensor(repeating: 1, shape: bias.shape), isTrainable: false)
    // The norm prevents the sum over a long batch from saturating the softmax.
    let x = tape.layerNorm(
      embedding(1), residual: embedding(7), scale: scale, shift: bias, epsilon: 1e-5)
    let hidden = tape.activation(tape.linear(x, weight: matrix), .tanh)
    let pooled = tape.pool(hidden, .mean)
    let loss = tape.softmaxCrossEntropy(pooled, labels: (0..<lengths.count).map { 17 * $0 + 2 })
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
  }

  private static func parameter(_ name: String, _ shape: Shape) -> Parameter {
    let normal = OperationProblem.normal(shape, name)
    return Parameter(
      name: name, value: Tensor(normal.elements.map { 0.2 * $0 }, shape: shape))
  }
}

extension Tensor {
  /// The matrix with all rows zero except `numbers`.
  fileprivate func keeping(_ numbers: [Int]) -> Tensor {
    Tensor(zeros: shape).replacing(numbers, by: self)
  }

  /// The matrix with the rows `numbers` taken from `other`.
  fileprivate func replacing(_ numbers: [Int], by other: Tensor) -> Tensor {
    let width = shape.columns
    var result = elements
    for row in numbers {
      result.replaceSubrange(
        row * width..<(row + 1) * width, with: other.rows(row..<row + 1).elements)
    }
    return Tensor(result, shape: shape)
  }
}
