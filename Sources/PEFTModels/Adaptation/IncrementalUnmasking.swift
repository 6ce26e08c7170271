import PEFTNetwork
import PEFTTensor

/// ID3 (Agarwal et al. 2024, TACL 2025): trains single elements of any tensor, and adds more of
/// them in every step.
///
/// Each step adds the elements with the largest |g| / (|θ| + ε)ᵖ among all that are not yet
/// trainable. An element that is trainable remains so.
///
/// In total, B = share · |W| elements are added in T steps: B div T in each step, and one more in
/// each of the first B mod T. |W| is the number of parameters outside the task head. The head is
/// trainable as a whole from the first step and is not counted in B. Unlike in the authors' code,
/// an element without a gradient is never added, weight decay applies only to trainable elements,
/// and clipping uses the norm of the trainable elements.
public struct IncrementalUnmasking: AdaptationMethod {
  /// `id3`.
  public static let name = "id3"

  /// What is trained.
  public static let summary = "single elements of any tensor, added in every step"

  /// B / |W|, the fraction of the elements that is trainable at the end.
  public var share = 0.001
  /// p, the exponent of the ratio.
  public var exponent = 1.0
  /// ε, added to the magnitude of an element.
  public var epsilon = 1e-8

  /// Share, exponent and epsilon.
  public static let fields: [MethodField<IncrementalUnmasking>] = [
    .number("share", \.share, help: "the part of the parameters that trains at the end, up to 1") {
      $0 > 0 && $0 <= 1
    },
    .number("exponent", \.exponent, help: "the power of a value that divides its gradient") { _ in
      true
    },
    .number("epsilon", \.epsilon, help: "a positive number, added to a value's size") { $0 > 0 },
  ]

  /// Creates the method with one element in a thousand.
  public init() {}

  /// Creates the method with this share, exponent and epsilon.
  public init(share: Double, exponent: Double = 1, epsilon: Double = 1e-8) {
    precondition(share > 0 && share <= 1 && epsilon > 0, "IncrementalUnmasking: share \(share)")
    (self.share, self.exponent, self.epsilon) = (share, exponent, epsilon)
  }

  /// Freezes everything but the head, and requests whole gradients of the rest.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
    for entry in model.parameters where entry.kind != .head {
      entry.parameter.wantsWholeGradient = true
    }
  }

  /// The size of the head plus B.
  public func plannedCount(in model: TransformerModel) -> Int {
    budget(in: model) + model.taskParameters.reduce(0) { $0 + $1.count }
  }

  private func budget(in model: TransformerModel) -> Int {
    let others = model.parameterCount - model.taskParameters.reduce(0) { $0 + $1.count }
    return max(1, Int(saturating: (share * Double(others)).rounded()))
  }

  /// The session that adds elements in every step.
  public func session(on model: TransformerModel, steps: Int) -> (any AdaptationSession)? {
    Session(
      method: self, candidates: model.parameters.filter { $0.kind != .head }.map(\.parameter),
      budget: budget(in: model), steps: max(1, steps))
  }

  private final class Session: AdaptationSession {
    let method: IncrementalUnmasking
    let candidates: [Parameter]
    let budget: Int
    let steps: Int

    init(method: IncrementalUnmasking, candidates: [Parameter], budget: Int, steps: Int) {
      (self.method, self.candidates, self.budget, self.steps) = (method, candidates, budget, steps)
    }

    func adjust(
      _ gradients: GradientAccumulator, step: Int
    ) -> [(parameter: Parameter, before: TrainableElements)] {
      guard step < steps else { return [] }
      let added = gradients.largestRatios(
        budget / steps + (step < budget % steps ? 1 : 0), among: candidates,
        epsilon: method.epsilon, exponent: method.exponent)
      return zip(candidates, added).compactMap { parameter, positions in
        guard !positions.isEmpty else { return nil }
        let before = parameter.trains
        parameter.trains = before.adding(positions, in: parameter.shape)
        return (parameter, before)
      }
    }
  }
}
