/// Changes parameters in place along their gradients, and owns the state that needs. Of a parameter
/// it changes only what trains, as it would if all of it trained, and keeps state for no more;
/// weight decay is theirs alone too.
public protocol Optimizer {
  /// The parameters it changes, in a fixed order.
  var parameters: [Parameter] { get }

  /// The number of steps taken.
  var stepCount: Int { get }

  /// All that it needs to continue from here. A state that is set must have the shapes of what
  /// trains of the parameters now.
  var state: OptimizerState { get set }

  /// Takes note that other elements of `parameter` train than before: those that are new begin with
  /// a state of zeros, those that stay keep theirs, and that of the others is dropped.
  mutating func change(_ parameter: Parameter)

  /// One step. A parameter without a gradient in `gradients` is left alone, state included.
  ///
  /// - Parameters:
  ///   - learningRate: the step's rate, schedule included.
  ///   - gradientScale: a factor on every gradient, such as that of clipping.
  mutating func step(
    gradients: GradientAccumulator, learningRate: Double, gradientScale: Double)

  /// The direction u of the next step, parameter ← parameter − learningRate · u, for this
  /// gradient; weight decay left out. Both have the parameter's `trainableShape`. Changes neither
  /// parameter nor state.
  func updateDirection(of parameter: Parameter, gradient: Tensor) -> Tensor
}

/// The factor that clips gradients of this global norm to `limit`: limit / (norm + 10⁻⁶), at most
/// 1, as PyTorch's `clip_grad_norm_`.
public func clippingFactor(norm: Double, limit: Double) -> Double {
  min(1, limit / (norm + 1e-6))
}
