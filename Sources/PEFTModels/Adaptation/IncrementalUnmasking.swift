import PEFTNetwork
import PEFTTensor

/// ID3 (Agarwal et al. 2024, TACL 2025): trains single elements of any tensor, those with the
/// largest
///
///     D3 = |g| / (|θ| + ε)ᵖ
///
/// where g is the gradient of the current batch. B = share · |W| of them are trainable at the end,
/// and the strategy says when each becomes trainable; an element that does takes part in the same
/// step. |W| is the number of parameters outside the task head. The head is trainable as a whole
/// from the first step and is not counted in B.
///
/// AdamW's moments of an element are zero when it becomes trainable. In the authors' code, t of the
/// bias correction is the number of all steps, so the first update of a late element is up to
/// √10 learning rates long and the next ones up to 6.6; with `age` = `own`, t is the number of the
/// element's own steps, and its first update is one learning rate long.
///
/// Unlike in the authors' code, an element without a gradient is never added, weight decay applies
/// only to trainable elements, clipping uses the norm of the trainable elements, and B is met
/// exactly, even if it is not a multiple of the number of steps or is less.
public struct IncrementalUnmasking: AdaptationMethod {
  /// When elements become trainable.
  public enum Strategy: String, Sendable {
    /// In each of the T steps, those with the largest D3 among all that are not trainable: B div T,
    /// and one more in each of the first B mod T steps. An element that is trainable remains so.
    case increment
    /// All B in the first step. Later steps need no whole gradients.
    case `static`
    /// In every step, the B elements with the largest D3 of all. An element that is not among them
    /// any longer keeps its value, loses its moments, and belongs to what the run has trained; over
    /// the run, far more than B elements may.
    case `repeat`
  }

  /// The t of AdamW's bias correction of an element.
  public enum Age: String, Sendable {
    /// The number of all steps.
    case global
    /// The number of steps since the element became trainable.
    case own
  }

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
  /// When elements become trainable.
  public var strategy = Strategy.increment
  /// The t of the bias correction.
  public var age = Age.global

  /// Share, exponent, epsilon, strategy and age.
  public static let fields: [MethodField<IncrementalUnmasking>] = [
    .number("share", \.share, help: "the part of the parameters that trains at the end, up to 1") {
      $0 > 0 && $0 <= 1
    },
    .number("exponent", \.exponent, help: "the power of a value that divides its gradient") { _ in
      true
    },
    .number("epsilon", \.epsilon, help: "a positive number, added to a value's size") { $0 > 0 },
    .word("strategy", \.strategy, help: "increment, static or repeat").optional,
    .word("age", \.age, help: "global or own").optional,
  ]

  /// Creates the method with one element in a thousand.
  public init() {}

  /// Creates the method with these settings.
  public init(
    share: Double, exponent: Double = 1, epsilon: Double = 1e-8, strategy: Strategy = .increment,
    age: Age = .global
  ) {
    precondition(share > 0 && share <= 1 && epsilon > 0, "IncrementalUnmasking: share \(share)")
    (self.share, self.exponent, self.epsilon) = (share, exponent, epsilon)
    (self.strategy, self.age) = (strategy, age)
  }

  /// The name, and the strategy if it is not the usual one.
  public var label: String { strategy == .increment ? name : "\(name) \(strategy.rawValue)" }

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

  /// The session that chooses elements.
  public func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)? {
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

    var correctsByAge: Bool { method.age == .own }

    /// The number of elements to choose in a step.
    private func count(at step: Int) -> Int {
      switch method.strategy {
      case .increment: budget / steps + (step < budget % steps ? 1 : 0)
      case .static: step == 0 ? budget : 0
      case .repeat: budget
      }
    }

    func prepare(step: Int) -> [ElementChange] {
      for parameter in candidates { parameter.wantsWholeGradient = count(at: step) > 0 }
      return []
    }

    func adjust(_ gradients: GradientAccumulator, step: Int) -> [ElementChange] {
      let count = count(at: step)
      guard step < steps, count > 0 else { return [] }
      let isAnew = method.strategy == .repeat
      let chosen = gradients.largestRatios(
        count, among: candidates, ofAll: isAnew, epsilon: method.epsilon,
        exponent: method.exponent)
      return zip(candidates, chosen).compactMap { parameter, positions in
        let (now, before) = (parameter.trains, parameter.recorded)
        if isAnew {
          guard positions != now.chosenElements ?? [] else { return nil }
          parameter.retrain(positions)
        } else {
          guard !positions.isEmpty else { return nil }
          parameter.trains = now.adding(positions, in: parameter.shape)
        }
        return (parameter, before)
      }
    }
  }
}
