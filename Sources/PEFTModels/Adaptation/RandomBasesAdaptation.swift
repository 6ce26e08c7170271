import PEFTNetwork
import PEFTTensor

/// RandLoRA (Albert et al. 2025, arXiv 2502.00987): adds a delta of full rank to the weight of
/// every target, a sum of random matrices of low rank that all targets share and that remain as
/// they are, and trains only diagonal matrices between and after them.
///
///     Δ = s Σ_b B_b diag(λ_b) A diag(γ_b),   s = α / r
///
/// n = d / r bases, rounded up, give the delta the rank d, the smaller side of the weight. A lower
/// rank r therefore trains more: n (r + d) parameters. λ starts at zero and γ constant, so training
/// starts at the base model. The columns of the bases are paired as Hugging Face PEFT pairs them.
public struct RandomBasesAdaptation: AdaptationMethod {
  /// `randlora`.
  public static let name = "randlora"

  /// What is trained.
  public static let summary = "diagonals between random matrices that some weights share"

  /// r.
  public var rank = 32
  /// α, which determines s = α / r; 20 r unless set.
  public var alpha: Double {
    get { givenAlpha ?? Double(20 * rank) }
    set { givenAlpha = newValue }
  }
  /// The last components of the paths of the linear layers to adapt, such as `query`; LoRA's usual
  /// layers if empty.
  public var targets: [String] = []
  private var givenAlpha: Double?

  /// Rank, alpha and targets.
  public static let fields: [MethodField<RandomBasesAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit,
      help: "the rank of a basis, from 1 to 1024; a lower one trains more"),
    .number("alpha", \.alpha, help: "a positive number; the addition is scaled by alpha / rank") {
      $0 > 0
    },
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  /// Creates the method with bases of rank 32 on LoRA's usual layers.
  public init() {}

  /// Creates the method. α defaults to 20 r.
  public init(rank: Int, alpha: Double? = nil, targets: [String] = []) {
    precondition(rank > 0, "RandomBasesAdaptation: rank \(rank)")
    (self.rank, givenAlpha, self.targets) = (rank, alpha, targets)
  }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The method with the lowest rank at which λ, γ and the head are within `budget` parameters, or
  /// with the highest if all exceed it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let sides = layers(of: model).map(\.largestRank)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let highest = min(AdapterCandidates.rankLimit, sides.max() ?? 1)
    var sized = self
    sized.rank =
      (1...highest).first { rank in
        let added = sides.reduce(0) {
          $0 + RandomBases.count(rank: rank, side: $1) * (rank + $1)
        }
        return head + added <= budget
      } ?? highest
    return sized
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// The layers that the method adapts, in the order of their names.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(
      matchingAnyOf: targets.isEmpty ? model.configuration.usualTargets : targets
    ).sorted { $0.name < $1.name }
  }

  /// Freezes the backbone and adds λ and γ to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let layers = layers(of: model)
    let bases = SharedBases(for: layers, rank: rank, using: generator)
    var trained: Set<Parameter> = []
    for layer in layers {
      let adapter = RandomBasesAdapter(for: layer, bases: bases, scale: alpha / Double(rank))
      layer.adapter = adapter
      trained.formUnion([adapter.weights, adapter.scales])
    }
    model.train { trained.contains($0) }
  }

  /// PEFT's RandLoRA format, with the bases in the file.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "RANDLORA" ? try RandomBasesFormat(configuration) : nil
  }
}
