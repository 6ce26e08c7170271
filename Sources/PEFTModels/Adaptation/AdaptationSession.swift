import PEFTTensor

/// A parameter whose trainable elements changed, with the elements that trained until then: those
/// that were trainable and those that had been.
public typealias ElementChange = (parameter: Parameter, before: TrainableElements)

/// A method's part in a training run whose trainable elements or values it changes from step to
/// step.
///
/// What it does must be a function of the step, the gradients, the parameters' values, their
/// trainable elements and its `state`, so that a resumed run takes the same steps.
public protocol AdaptationSession: AnyObject {
  /// The parameters that may gain trainable elements.
  var candidates: [Parameter] { get }

  /// Whether AdamW corrects the bias of a single element by the number of steps since it became
  /// trainable, instead of the number of all steps.
  var correctsByAge: Bool { get }

  /// Prepares a step, before its gradients are computed. It may change the trainable elements, and
  /// it decides of which candidates the whole gradient is computed.
  ///
  /// - Parameter step: the number of steps taken before.
  /// - Returns: the parameters whose trainable elements changed.
  func prepare(step: Int) throws -> [ElementChange]

  /// What the last call of `prepare` chose again, to tell the user; nil if it chose nothing.
  var reselection: Reselection? { get }

  /// Changes the trainable elements, after the gradients of a step are computed and before the
  /// optimizer uses them. It may also add the gradients of a penalty.
  ///
  /// - Parameter step: the number of steps taken before.
  /// - Returns: the parameters whose trainable elements changed.
  func adjust(_ gradients: GradientAccumulator, step: Int) -> [ElementChange]

  /// Changes values, after the optimizer has taken a step.
  ///
  /// - Parameters:
  ///   - gradients: the gradients of the step, before clipping.
  ///   - step: the number of steps taken before.
  func finish(_ gradients: GradientAccumulator, step: Int)

  /// The number of steps after which the size of what the method leaves is final. Evaluations
  /// before it are not kept as the best of the run once there is a later one, and cost no patience.
  var settledStep: Int { get }

  /// What the following steps depend on, besides values and trainable elements: tensors by the
  /// name of a slot and of a parameter, whose shape they have. Checkpoints hold them.
  var state: [String: [String: Tensor]] { get set }
}

extension AdaptationSession {
  /// False.
  public var correctsByAge: Bool { false }

  /// Returns an empty list: nothing changes before the gradients are computed.
  public func prepare(step: Int) throws -> [ElementChange] { [] }

  /// Nil: nothing is told.
  public var reselection: Reselection? { nil }

  /// Returns an empty list: nothing changes after the gradients are computed.
  public func adjust(_ gradients: GradientAccumulator, step: Int) -> [ElementChange] { [] }

  /// Does nothing.
  public func finish(_ gradients: GradientAccumulator, step: Int) {}

  /// 0: nothing that the method leaves grows smaller.
  public var settledStep: Int { 0 }

  /// No tensors: values and trainable elements say everything.
  public var state: [String: [String: Tensor]] {
    get { [:] }
    set {}
  }
}
