import PEFTNetwork
import PEFTTensor

/// LoRA-SP (Wu et al. 2024, arXiv 2403.08822): LoRA of which half of the elements of A and B train,
/// chosen at random.
///
/// Exactly half of each matrix trains, rounded up. The rest keeps its initial values: those of A
/// act as they are, and those of B are zero. The paper leaves open whether the halves are chosen
/// once or anew in every step, so both are here; no code of it was published. With `resampling`
/// `step`, an element that is not chosen in a step keeps its value and loses AdamW's moments, and t
/// of the bias correction is the number of steps since it was chosen last.
///
/// Another method of this name (arXiv 2603.07404) selects ranks by a router and is not this one.
public struct HalfLowRankAdaptation: AdaptationMethod {
  /// When the halves are chosen.
  public enum Resampling: String, Sendable {
    /// Once, before the first step.
    case none
    /// Anew in every step.
    case step
  }

  /// `lora-sp`.
  public static let name = "lora-sp"

  /// What is trained.
  public static let summary = "a random half of low-rank factors added to some weights"

  /// The settings of the delta.
  public var lowRank: LowRankAdaptation
  /// When the halves are chosen.
  public var resampling = Resampling.none

  /// The settings of LoRA's delta, and resample.
  public static let fields: [MethodField<HalfLowRankAdaptation>] =
    LowRankAdaptation.deltaFields.map { $0.inside(\.lowRank) } + [
      .word("resample", \.resampling, help: "none or step; when the half that trains is chosen")
    ]

  /// Creates the method with rank 8 on LoRA's usual layers.
  public init() { self.init(LowRankAdaptation()) }

  /// Creates LoRA-SP with the settings of a LoRA.
  public init(_ lowRank: LowRankAdaptation, resampling: Resampling = .none) {
    (self.lowRank, self.resampling) = (lowRank, resampling)
  }

  /// The name, the rank, and the settings that are not the usual ones.
  public var label: String {
    lowRank.label(name) + (resampling == .none ? "" : " resample=\(resampling.rawValue)")
  }

  /// The method with the largest rank at which the halves and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    return Self(
      lowRank.sized(within: head + 2 * max(0, budget - head), for: model), resampling: resampling)
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { lowRank.misfit(in: model) }

  /// Freezes the backbone, adds A and B to every target, and trains a half of each.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    lowRank.attach(to: model, using: generator)
    for factor in factors(of: model) {
      factor.trains = .elements(Self.half(of: factor, using: generator))
    }
  }

  private func factors(of model: TransformerModel) -> [Parameter] {
    lowRank.layers(of: model).flatMap { $0.adapter?.factors.map(\.parameter) ?? [] }
  }

  /// The positions of a random half of a matrix, ascending.
  private static func half(of factor: Parameter, using generator: SeededGenerator) -> [Int] {
    var draws = generator.split(factor.name + ".half")
    return draws.distinctIntegers((factor.count + 1) / 2, below: factor.count)
  }

  /// The session that chooses the halves anew; nil if they are chosen once.
  public func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)? {
    resampling == .none ? nil : Session(candidates: factors(of: model), generator: generator)
  }

  private final class Session: AdaptationSession {
    let candidates: [Parameter]
    let generator: SeededGenerator
    let correctsByAge = true

    init(candidates: [Parameter], generator: SeededGenerator) {
      (self.candidates, self.generator) = (candidates, generator)
    }

    func prepare(step: Int) -> [ElementChange] {
      guard step > 0 else { return [] }
      let draws = generator.split("resampling").split(step)
      return candidates.map { factor in
        let before = factor.recorded
        factor.retrain(HalfLowRankAdaptation.half(of: factor, using: draws))
        return (factor, before)
      }
    }
  }
}
