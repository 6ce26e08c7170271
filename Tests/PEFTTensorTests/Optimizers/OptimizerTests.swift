import PEFTTensor
import Testing

@Suite("Optimizers")
struct OptimizerTests {
  enum Method: CaseIterable, Sendable {
    case adamW
    case stochasticGradientDescent
    case momentum

    func optimizer(_ parameters: [Parameter]) -> any Optimizer {
      var settings = AdamW.Settings()
      settings.weightDecay = 0
      return switch self {
      case .adamW: AdamW(parameters: parameters, settings: settings)
      case .stochasticGradientDescent: SGD(parameters: parameters)
      case .momentum: SGD(parameters: parameters, momentum: 0.9)
      }
    }
  }

  @Test("the update direction is that of the next step", arguments: Method.allCases, 0..<4)
  func direction(method: Method, steps: Int) {
    let parameters = Self.parameters()
    var optimizer = method.optimizer(parameters)
    for step in 0..<steps {
      optimizer.step(
        gradients: Self.gradients(parameters, step), learningRate: 0.1, gradientScale: 0.7)
    }
    let gradients = Self.gradients(parameters, steps)
    let before = parameters.map(\.value)
    for (index, parameter) in parameters.enumerated() {
      let scaled = Self.gradient(parameter, steps, scale: 0.25)
      let direction = optimizer.updateDirection(of: parameter, gradient: scaled)
      var copy = optimizer
      copy.step(gradients: gradients, learningRate: 0.5, gradientScale: 0.25)
      let moved = DoubleMatrix(before[index]) + -1 * DoubleMatrix(parameter.value)
      // before − after is accurate only to one unit in the last place of a parameter near 1.
      #expect(relativeError(of: direction, to: 2 * moved) < 2e-6, "\(parameter.name)")
      for (parameter, value) in zip(parameters, before) { parameter.value = value }
    }
    #expect(optimizer.stepCount == steps)
  }

  @Test("requesting the direction changes no later bit", arguments: Method.allCases)
  func pure(method: Method) {
    let runs = [false, true].map { asking in
      let parameters = Self.parameters()
      var optimizer = method.optimizer(parameters)
      for step in 0..<4 {
        if asking {
          for parameter in parameters {
            let before = parameter.value
            _ = optimizer.updateDirection(
              of: parameter, gradient: Self.gradient(parameter, 100 + step))
            #expect(parameter.value.isIdentical(to: before))
          }
        }
        optimizer.step(
          gradients: Self.gradients(parameters, step), learningRate: 0.1, gradientScale: 1)
      }
      return parameters.map(\.value)
    }
    for (plain, asked) in zip(runs[0], runs[1]) { #expect(plain.isIdentical(to: asked)) }
  }

  @Test(
    "AdamW follows its formulas in Double, and decays what it should",
    arguments: WeightDecayScope.allCases)
  func adamW(scope: WeightDecayScope) {
    let parameters = Self.parameters()
    #expect(Set(parameters.map(\.shape.rank)) == [1, 2])
    var optimizer = AdamW(
      parameters: parameters, settings: AdamW.Settings(decayScope: scope))
    var expected = parameters.map { $0.value.elements.map { (Double($0), 0.0, 0.0) } }
    for step in 0..<8 {
      let rate = 0.1 / Double(step + 1)
      optimizer.step(
        gradients: Self.gradients(parameters, step), learningRate: rate, gradientScale: 0.5)
      for (index, parameter) in parameters.enumerated() {
        let gradient = Self.gradient(parameter, step).elements
        for element in gradient.indices {
          let g = 0.5 * Double(gradient[element])
          var (p, m, v) = expected[index][element]
          m = 0.9 * m + 0.1 * g
          v = 0.999 * v + 0.001 * g * g
          if scope == .all || parameter.shape.rank == 2 { p -= rate * 0.01 * p }
          let correction = (1 - power(0.9, step + 1), 1 - power(0.999, step + 1))
          p -= rate * m / correction.0 / ((v / correction.1).squareRoot() + 1e-8)
          expected[index][element] = (p, m, v)
        }
        let reference = expected[index].map(\.0)
        // Eight updates, each rounded to Float32.
        #expect(close(parameter.value, reference, 1e-6), "step \(step), \(parameter.name)")
      }
    }
    #expect(optimizer.stepCount == 8)
  }

  @Test("SGD follows PyTorch's formulas in Double", arguments: [0, 0.9], [0, 0.1])
  func descent(momentum: Double, weightDecay: Double) {
    let parameters = Self.parameters()
    var optimizer = SGD(parameters: parameters, momentum: momentum, weightDecay: weightDecay)
    var expected = parameters.map { $0.value.elements.map { (Double($0), 0.0) } }
    for step in 0..<6 {
      optimizer.step(
        gradients: Self.gradients(parameters, step), learningRate: 0.1, gradientScale: 0.5)
      for (index, parameter) in parameters.enumerated() {
        let gradient = Self.gradient(parameter, step).elements
        for element in gradient.indices {
          let (p, velocity) = expected[index][element]
          let u = momentum * velocity + 0.5 * Double(gradient[element]) + weightDecay * p
          expected[index][element] = (p - 0.1 * u, u)
        }
        let reference = expected[index].map(\.0)
        #expect(close(parameter.value, reference, 1e-6), "step \(step), \(parameter.name)")
      }
    }
  }

  @Test(
    "a parameter without a gradient does not change, nor does its state", arguments: Method.allCases
  )
  func leftAlone(method: Method) {
    let parameters = Self.parameters()
    var optimizer = method.optimizer(parameters)
    let everything = Self.gradients(parameters, 0)
    optimizer.step(gradients: everything, learningRate: 0.1, gradientScale: 1)
    let before = parameters[0].value
    let others = Self.gradients(Array(parameters.dropFirst()), 1)
    optimizer.step(gradients: others, learningRate: 0.1, gradientScale: 1)
    #expect(parameters[0].value.isIdentical(to: before))
    #expect(!parameters[1].value.isIdentical(to: Self.value(parameters[1])))
  }

  private static func parameters() -> [Parameter] {
    [("weight", [3, 7]), ("bias", [1]), ("table", [129])].map { name, extents in
      let shape = Shape(extents)
      return Parameter(name: name, value: OperationProblem.normal(shape, name))
    }
  }

  private static func value(_ parameter: Parameter) -> Tensor {
    OperationProblem.normal(parameter.shape, parameter.name)
  }

  private static func gradient(_ parameter: Parameter, _ step: Int, scale: Float = 1) -> Tensor {
    let gradient = OperationProblem.normal(
      parameter.shape, "gradient of \(parameter.name), \(step)")
    return Tensor(gradient.elements.map { scale * $0 }, shape: parameter.shape)
  }

  private static func gradients(_ parameters: [Parameter], _ step: Int) -> GradientAccumulator {
    let sink = GradientAccumulator()
    for parameter in parameters {
      sink.receive(
        .dense(gradient(parameter, step)), of: parameter, partition: RowPartition(examples: 1))
    }
    return sink
  }

  private func close(_ values: Tensor, _ reference: [Double], _ tolerance: Double) -> Bool {
    let expected = DoubleMatrix(rows: 1, columns: reference.count) { reference[$1] }
    return relativeError(of: values, to: expected) < tolerance
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
