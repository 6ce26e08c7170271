import PEFTNetwork
import PEFTTensor

/// AdaLoRA (Zhang et al. 2023, arXiv 2303.10512): every target gets triplets of a row of Q, a
/// number λ and a column of P, W + s P diag(λ) Q, and while it trains, the least important ones of
/// all targets are taken away until a budget is met.
///
/// The loss gets the penalty γ · mean(‖P Pᵀ − I‖_F, ‖Q Qᵀ − I‖_F) over all matrices, so that P and
/// Q stay near singular vectors; the reported losses are those of the task alone. The importance of
/// a triplet is
///
///     S = s(λ) + mean s(column of P) + mean s(row of Q)
///
/// where s = Ī Ū of each element: I = |θ g| after the step of θ, Ī ← β₁ Ī + (1 − β₁) I, and
/// Ū ← β₂ Ū + (1 − β₂) |I − Ī|. With t steps taken of T, the budget is that of the beginning for
/// t ≤ tᵢ, then b_T + (b_0 − b_T) (1 − (t − tᵢ) / (T − tᵢ − t_f))³, and after T − t_f steps that of
/// the end. The λ of the triplets with the least S are then set to zero; until T − t_f, they may
/// grow and return, and afterwards they stay.
///
/// PEFT's `AdaLoraModel` computes the same, and `update_and_allocate` here is called with the
/// number of steps taken. It counts triplets (`price` `rank`), while a triplet has in + out + 1
/// parameters. By default these are counted, and the triplets with the largest S / (in + out + 1)
/// remain. Where all targets have one shape, the two are the same. Of equal importances, the last
/// triplets of the targets go first; PEFT takes away all of them. Importances take the gradient
/// before clipping.
///
/// All triplets train, so the number of trained parameters is that of the beginning. Exports have
/// only the triplets that are left.
public struct AdaptiveRankAdaptation: AdaptationMethod {
  /// What a triplet takes of the budget.
  public enum Price: String, Sendable {
    /// Its parameters, in + out + 1.
    case parameters
    /// One, as in the paper and in PEFT.
    case rank
  }

  /// `adalora`.
  public static let name = "adalora"

  /// What is trained.
  public static let summary = "low-rank triplets added to some weights, fewer and fewer of them"

  /// The average rank at the end.
  public var rank = 8
  /// The rank of every target at the beginning, or 0 for half as much again as `rank`.
  public var givenStartRank = 0
  /// α; s is α / the rank at the beginning. Unless set, it is twice that rank.
  public var alpha: Double {
    get { givenAlpha ?? Double(2 * startRank) }
    set { givenAlpha = newValue }
  }
  /// The probability of dropping an element of the delta's input.
  public var dropout = 0.0
  /// The last components of the paths of the linear layers to adapt, such as `query`; all layers of
  /// the backbone if empty.
  public var targets: [String] = []
  /// tᵢ / T, the part of the run before anything is taken away.
  public var warmup = 0.1
  /// t_f / T, the part of the run after the last change.
  public var final = 0.5
  /// The number of steps between two changes.
  public var interval = 1
  /// β₁.
  public var sensitivityDecay = 0.85
  /// β₂.
  public var uncertaintyDecay = 0.85
  /// γ.
  public var penalty = 0.5
  /// What a triplet takes of the budget.
  public var price = Price.parameters
  private var givenAlpha: Double?

  /// Rank, start-rank, alpha, dropout, targets, warm-up, final, every, beta1, beta2, penalty and
  /// price.
  public static let fields: [MethodField<AdaptiveRankAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit,
      help: "the average rank at the end, from 1 to 1024"),
    .integer(
      "start-rank", \.givenStartRank, in: 0...AdapterCandidates.rankLimit,
      help: "the rank at the beginning; 0 for half as much again as rank"),
    .number("alpha", \.alpha, help: "a positive number; the delta is scaled by alpha / start-rank")
    {
      $0 > 0
    },
    .number("dropout", \.dropout, help: "dropout on the delta's input, from 0 to below 1") {
      (0..<1).contains($0)
    },
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
    .number("warmup", \.warmup, help: "the part of the run before the rank falls, below 1") {
      (0..<1).contains($0)
    },
    .number("final", \.final, help: "the part of the run after the rank has fallen, below 1") {
      (0..<1).contains($0)
    },
    .integer(
      "every", \.interval, in: 1...1 << 32, help: "steps between two changes of the ranks, from 1"),
    .number("beta1", \.sensitivityDecay, help: "decay of the averages of |θ g|, from 0 to below 1")
    {
      (0..<1).contains($0)
    },
    .number(
      "beta2", \.uncertaintyDecay, help: "decay of their uncertainties, from 0 to below 1"
    ) { (0..<1).contains($0) },
    .number("penalty", \.penalty, help: "weight of the penalty on orthogonality, from 0") {
      $0 >= 0
    },
    .word("price", \.price, help: "parameters or rank; what the budget of triplets counts"),
  ]

  /// Creates the method with an average rank of 8 on every linear layer of the backbone.
  public init() {}

  /// Creates the method.
  public init(rank: Int, startRank: Int = 0, targets: [String] = []) {
    precondition(rank > 0, "AdaptiveRankAdaptation: rank \(rank)")
    (self.rank, givenStartRank, self.targets) = (rank, startRank, targets)
  }

  /// The rank of every target at the beginning.
  public var startRank: Int { givenStartRank > 0 ? givenStartRank : (3 * rank + 1) / 2 }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The method with the largest rank at which the triplets of the beginning and the head are
  /// within `budget` parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let perRank = layers(of: model).reduce(0) { sum, layer in
      sum + layer.weight.shape.rows + layer.weight.shape.columns + 1
    }
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let start = max(1, (budget - head) / max(1, perRank))
    var sized = self
    sized.rank = max(1, min(AdapterCandidates.rankLimit, 2 * start / 3))
    sized.givenStartRank = start < 2 ? 1 : 0
    return sized
  }

  /// The first target that does not name a linear layer of `model`, a rank at the beginning below
  /// that at the end, or a run without a part in which the rank falls.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    if startRank < rank {
      return MethodMisfit(setting: "start-rank", "\(startRank) is below the rank \(rank)")
    }
    guard warmup + final < 1 else {
      return MethodMisfit(
        setting: "final", "\(final) and the warmup \(warmup) leave no steps in which ranks fall")
    }
    return nil
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// Freezes the backbone and adds triplets to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.adapter = TripletAdapter(
        for: layer, rank: startRank, alpha: alpha, dropout: dropout, using: generator)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// The session that adds the penalty and takes triplets away.
  public func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)? {
    TripletBudget(
      method: self, adapters: layers(of: model).compactMap { $0.adapter as? TripletAdapter },
      steps: max(1, steps))
  }

  /// PEFT's AdaLoRA format.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "ADALORA" ? try TripletFormat(configuration) : nil
  }
}
