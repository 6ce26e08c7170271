import PEFTTensor
import Testing

@Suite("Optimizers of selected rows")
struct RowOptimizerTests {
  enum Method: CaseIterable, Sendable {
    case adamW
    case stochasticGradientDescent
    case momentum

    /// An optimizer with weight decay.
    func optimizer(_ parameters: [Parameter]) -> any Optimizer {
      switch self {
      case .adamW: AdamW(parameters: parameters)
      case .stochasticGradientDescent: SGD(parameters: parameters, weightDecay: 0.1)
      case .momentum: SGD(parameters: parameters, momentum: 0.9, weightDecay: 0.1)
      }
    }
  }

  /// Odd widths, so that rows start at different offsets in a vector; the last case is split over
  /// the workers.
  static let problems: [(shape: Shape, rows: [Int])] = [
    ([5, 1], [2]), ([37, 13], [0, 1, 17, 36]),
    ([401, 203], Array(stride(from: 1, to: 401, by: 2))),
  ]

  @Test(
    "the rows move as in the whole matrix, bit for bit, and the others do not change",
    arguments: Method.allCases, problems.indices)
  func rows(method: Method, problem: Int) throws {
    let (shape, rows) = Self.problems[problem]
    let start = OperationProblem.normal(shape, "start")
    let (whole, part) = (Parameter(name: "p", value: start), Parameter(name: "p", value: start))
    part.trains = .rows(rows)
    let others = (0..<shape[0]).filter { !rows.contains($0) }
    var (full, restricted) = (method.optimizer([whole]), method.optimizer([part]))
    for step in 0..<5 {
      let gradient = OperationProblem.normal(shape, "gradient \(step)")
      let (fullSink, sink) = (Self.sink(gradient, of: whole), Self.sink(gradient, of: part))
      let direction = restricted.updateDirection(of: part, gradient: try #require(sink[part]))
      let wanted = full.updateDirection(of: whole, gradient: gradient)
      #expect(direction.isIdentical(to: wanted.picking(rows)), "direction, step \(step)")
      full.step(gradients: fullSink, learningRate: 0.1, gradientScale: 0.7)
      restricted.step(gradients: sink, learningRate: 0.1, gradientScale: 0.7)
      #expect(part.value.picking(rows).isIdentical(to: whole.value.picking(rows)), "step \(step)")
      #expect(part.value.picking(others).isIdentical(to: start.picking(others)), "step \(step)")
    }
    #expect(!part.value.picking(rows).isIdentical(to: start.picking(rows)))
  }

  @Test("rows set after the optimizer was created are refused", arguments: Method.allCases)
  func changed(method: Method) async {
    switch method {
    case .adamW:
      await #expect(processExitsWith: .failure) { Self.changeRows(.adamW) }
    case .stochasticGradientDescent:
      await #expect(processExitsWith: .failure) { Self.changeRows(.stochasticGradientDescent) }
    case .momentum:
      await #expect(processExitsWith: .failure) { Self.changeRows(.momentum) }
    }
  }

  private static func changeRows(_ method: Method) {
    let parameter = Parameter(name: "p", value: Tensor(zeros: [4, 3]))
    parameter.trains = .rows([0, 1])
    var optimizer = method.optimizer([parameter])
    parameter.trains = .rows([1, 2])
    let sink = sink(Tensor(zeros: [4, 3]), of: parameter)
    optimizer.step(gradients: sink, learningRate: 0.1, gradientScale: 1)
  }

  private static func sink(_ gradient: Tensor, of parameter: Parameter) -> GradientAccumulator {
    let sink = GradientAccumulator()
    sink.receive(.dense(gradient), of: parameter, partition: RowPartition(examples: 1))
    return sink
  }
}
