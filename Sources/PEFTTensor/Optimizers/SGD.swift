/// Stochastic gradient descent with momentum, in PyTorch's form.
///
///     g ← g + λ p;  u ← μ u + g;  p ← p − lr u
public struct SGD: Optimizer {
  /// The parameters that the optimizer updates.
  public var parameters: [Parameter] { optimized.all }
  /// μ, the momentum; with 0, no state is kept.
  public let momentum: Double
  /// λ, the weight decay.
  public let weightDecay: Double
  /// The number of steps taken.
  public private(set) var stepCount = 0
  private var velocities: [Tensor]
  private var optimized: OptimizedParameters

  /// Creates an optimizer with zero state.
  public init(parameters: [Parameter], momentum: Double = 0, weightDecay: Double = 0) {
    optimized = OptimizedParameters(parameters)
    self.momentum = momentum
    self.weightDecay = weightDecay
    velocities = momentum == 0 ? [] : optimized.zeros
  }

  /// The slot `velocity` (u) of every parameter, if there is momentum, and the counter `step` of
  /// steps taken.
  public var state: OptimizerState {
    get {
      OptimizerState(
        counters: ["step": stepCount],
        slots: velocities.isEmpty ? [:] : ["velocity": optimized.named(velocities)])
    }
    set {
      stepCount = newValue.counters["step"] ?? 0
      if !velocities.isEmpty { velocities = optimized.restored(newValue.slots["velocity"]) }
    }
  }

  /// Adapts the state to the elements that are trainable now; see `Optimizer`.
  public mutating func change(_ parameter: Parameter) {
    if !velocities.isEmpty { optimized.carry(parameter, &velocities) }
    optimized.note(parameter)
  }

  /// Takes one step; see `Optimizer`.
  public mutating func step(
    gradients: GradientAccumulator, learningRate: Double, gradientScale: Double
  ) {
    stepCount += 1
    for parameter in parameters {
      guard let gradient = gradients.trainableGradient(of: parameter) else { continue }
      let index = optimized.position(of: parameter)
      let effective = Float(learningRate * gradientScale)
      let decay = Float(learningRate * weightDecay)
      parameter.updateTrainableValue { value in
        if velocities.isEmpty {
          if decay != 0 { value.scale(by: 1 - decay) }
          value.add(gradient, scaledBy: -effective)
        } else {
          velocities[index].scale(by: Float(momentum))
          velocities[index].add(gradient, scaledBy: Float(gradientScale))
          if weightDecay != 0 { velocities[index].add(value, scaledBy: Float(weightDecay)) }
          value.add(velocities[index], scaledBy: -Float(learningRate))
        }
      }
    }
  }

  /// The direction of the next step; see `Optimizer`.
  public func updateDirection(of parameter: Parameter, gradient: Tensor) -> Tensor {
    let index = optimized.position(of: parameter)
    guard !velocities.isEmpty else { return gradient }
    var direction = velocities[index].scaled(by: Float(momentum))
    direction.add(gradient)
    return direction
  }
}
