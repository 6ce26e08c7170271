import PEFTTensor

/// A method's part in a training run whose trainable elements change from step to step.
public protocol AdaptationSession: AnyObject {
  /// The parameters that may gain trainable elements. Their whole gradients are computed.
  var candidates: [Parameter] { get }

  /// Changes the trainable elements, after the gradients of a step are computed and before the
  /// optimizer uses them.
  ///
  /// - Parameter step: the number of steps taken before.
  /// - Returns: the parameters that changed, with their previous trainable elements.
  func adjust(
    _ gradients: GradientAccumulator, step: Int
  ) -> [(parameter: Parameter, before: TrainableElements)]
}
