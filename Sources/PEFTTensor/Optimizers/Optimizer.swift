/// An algorithm that updates parameters in place along their gradients, and owns the state it needs
/// for that.
///
/// Of each parameter, only the trainable elements are updated, in the same way as if the whole
/// parameter were trainable. State and weight decay are limited to them too.
public protocol Optimizer {
  /// The parameters that the optimizer updates, in a fixed order.
  var parameters: [Parameter] { get }

  /// The number of steps taken.
  var stepCount: Int { get }

  /// The complete state needed to continue from here. A state that is set must have the shapes of
  /// the elements that are trainable now.
  var state: OptimizerState { get set }

  /// Adapts the state to the elements of `parameter` that are trainable now. Newly trainable
  /// elements start with zero state, elements that remain trainable keep theirs, and the state of
  /// all others is dropped.
  mutating func change(_ parameter: Parameter)

  /// Takes one step. A parameter without a gradient in `gradients` is left alone, including its
  /// state.
  ///
  /// - Parameters:
  ///   - learningRate: the learning rate of this step, with the schedule applied.
  ///   - gradientScale: a factor on every gradient, such as the clipping factor.
  mutating func step(
    gradients: GradientAccumulator, learningRate: Double, gradientScale: Double)

  /// The direction u of the next step for this gradient, such that
  /// parameter ← parameter − learningRate · u, without weight decay. Both tensors have the
  /// parameter's `trainableShape`. Changes neither parameter nor state.
  func updateDirection(of parameter: Parameter, gradient: Tensor) -> Tensor
}

/// The factor that clips gradients of this global norm to `limit`: limit / (norm + 10⁻⁶), at most
/// 1, as in PyTorch's `clip_grad_norm_`.
public func clippingFactor(norm: Double, limit: Double) -> Double {
  min(1, limit / (norm + 1e-6))
}
