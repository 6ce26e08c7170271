import PEFTTensor

/// A method's part in a training run, where what trains changes from step to step.
public protocol AdaptationSession: AnyObject {
  /// The parameters of which more may come to train. They want their whole gradients.
  var candidates: [Parameter] { get }

  /// Changes what trains, between the gradients of a step and the optimizer's.
  ///
  /// - Parameter step: the steps taken before.
  /// - Returns: the parameters that changed, and what trained of them before.
  func adjust(
    _ gradients: GradientAccumulator, step: Int
  ) -> [(parameter: Parameter, before: TrainableElements)]
}
