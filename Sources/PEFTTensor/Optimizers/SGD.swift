/// Stochastic gradient descent with momentum, in PyTorch's form:
///
///     g ← g + λ p;  u ← μ u + g;  p ← p − lr u
public struct SGD: Optimizer {
  /// The parameters it changes.
  public let parameters: [Parameter]
  /// μ; 0 keeps no state.
  public let momentum: Double
  /// λ.
  public let weightDecay: Double
  /// The number of steps taken.
  public private(set) var stepCount = 0
  private var velocities: [Tensor]
  private let positions: [Parameter: Int]

  /// An optimizer with zero state.
  public init(parameters: [Parameter], momentum: Double = 0, weightDecay: Double = 0) {
    self.parameters = parameters
    self.momentum = momentum
    self.weightDecay = weightDecay
    velocities = momentum == 0 ? [] : parameters.map { Tensor(zeros: $0.shape) }
    positions = Dictionary(
      uniqueKeysWithValues: parameters.enumerated().map { ($1, $0) })
  }

  /// One step; see `Optimizer`.
  public mutating func step(
    gradients: GradientAccumulator, learningRate: Double, gradientScale: Double
  ) {
    stepCount += 1
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = gradients[parameter] else { continue }
      let effective = Float(learningRate * gradientScale)
      let decay = Float(learningRate * weightDecay)
      if velocities.isEmpty {
        if decay != 0 { parameter.value.scale(by: 1 - decay) }
        parameter.value.add(gradient, scaledBy: -effective)
      } else {
        velocities[index].scale(by: Float(momentum))
        velocities[index].add(gradient, scaledBy: Float(gradientScale))
        if weightDecay != 0 {
          velocities[index].add(parameter.value, scaledBy: Float(weightDecay))
        }
        parameter.value.add(velocities[index], scaledBy: -Float(learningRate))
      }
    }
  }

  /// The direction of the next step; see `Optimizer`.
  public func updateDirection(of parameter: Parameter, gradient: Tensor) -> Tensor {
    guard let index = positions[parameter] else {
      preconditionFailure("updateDirection: \(parameter.name) is not this optimizer's")
    }
    guard !velocities.isEmpty else { return gradient }
    var direction = velocities[index].scaled(by: Float(momentum))
    direction.add(gradient)
    return direction
  }
}
