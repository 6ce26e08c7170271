import PEFTNetwork
import PEFTTensor

/// VeRA (Kopiczko et al. 2024, arXiv 2310.11454): adds a delta diag(l) B diag(k) A to the weight of
/// every target, with random projections A and B that all targets share and that remain as they
/// are, and trains only the vectors k [R] and l [out].
///
/// A target of another size uses the first columns of A and the first rows of B. k starts constant
/// and l at zero, so training starts at the base model. The published recipes have a rate ten times
/// that of LoRA.
public struct VectorProjection: AdaptationMethod {
  /// `vera`.
  public static let name = "vera"

  /// What is trained.
  public static let summary = "vectors between random projections that some weights share"

  /// R.
  public var rank = 256
  /// The initial elements of k.
  public var innerScale = 0.1
  /// The last components of the paths of the linear layers to adapt, such as `query`; LoRA's usual
  /// layers if empty.
  public var targets: [String] = []

  /// Rank, d-initial and targets.
  public static let fields: [MethodField<VectorProjection>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit, help: "the rank, from 1 to 1024"),
    .number("d-initial", \.innerScale, help: "the initial inner vector, a positive number") {
      $0 > 0
    },
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  /// Creates the method with rank 256 on LoRA's usual layers.
  public init() {}

  /// Creates the method with rank `rank` on the targets.
  public init(rank: Int, innerScale: Double = 0.1, targets: [String] = []) {
    precondition(rank > 0 && innerScale > 0, "VectorProjection: rank \(rank), \(innerScale)")
    (self.rank, self.innerScale, self.targets) = (rank, innerScale, targets)
  }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The method with the largest rank at which the vectors and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let layers = layers(of: model)
    let fixed = (model.taskParameters.map(\.count) + layers.map(\.weight.shape.rows)).reduce(0, +)
    var sized = self
    sized.rank = min(
      AdapterCandidates.rankLimit, max(1, (budget - fixed) / max(1, layers.count)))
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

  /// Freezes the backbone and adds k and l to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let layers = layers(of: model)
    let projections = SharedProjections(for: layers, rank: rank, using: generator)
    var vectors: Set<Parameter> = []
    for layer in layers {
      let adapter = ScaledProjectionAdapter(
        for: layer, projections: projections, innerScale: innerScale)
      layer.adapter = adapter
      vectors.formUnion([adapter.innerScale, adapter.outerScale])
    }
    model.train { vectors.contains($0) }
  }

  /// PEFT's VeRA format, with the projections in the file.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "VERA" ? try ScaledProjectionFormat(configuration) : nil
  }
}
