import PEFTNetwork
import PEFTTensor

/// LoRA (Hu et al. 2021): adds a delta s · B A of rank R to the weight W of every target, and
/// trains only A and B.
///
/// A is initialised uniformly in ±1/√in and B to zero, so training starts at the base model.
public struct LowRankAdaptation: AdaptationMethod {
  /// `lora`.
  public static let name = "lora"

  /// What is trained.
  public static let summary = "low-rank factors added to some weights"

  /// R, the rank.
  public var rank = 8
  /// α; the delta is scaled by s = α / R. Unless set, it is twice the rank, as is common among
  /// users of PEFT.
  public var alpha: Double {
    get { givenAlpha ?? Double(2 * rank) }
    set { givenAlpha = newValue }
  }
  /// The probability of dropping an element of the delta's input.
  public var dropout = 0.0
  /// The last components of the paths of the linear layers to adapt, such as `query`.
  ///
  /// If empty, the usual layers of the model are adapted: the query and value projections, or the
  /// joint query-key-value projection.
  public var targets: [String] = []
  private var givenAlpha: Double?

  /// Rank, alpha, dropout and targets.
  public static let fields: [MethodField<LowRankAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit, help: "the rank, from 1 to 1024"),
    .number(
      "alpha", \.alpha, help: "a positive number; the addition is scaled by alpha / rank"
    ) { $0 > 0 },
    .number("dropout", \.dropout, help: "dropout on the addition's input, from 0 to below 1") {
      (0..<1).contains($0)
    },
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  /// Creates the method with rank 8 on the usual layers.
  public init() {}

  /// Creates the method. α defaults to twice the rank.
  public init(
    rank: Int = 8, alpha: Double? = nil, dropout: Double = 0, targets: [String] = []
  ) {
    precondition(rank > 0, "LowRankAdaptation: rank \(rank)")
    self.rank = rank
    givenAlpha = alpha
    self.dropout = dropout
    self.targets = targets
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    model.misfit(targets: targets)
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    (targets.isEmpty ? model.configuration.usualTargets : targets).flatMap {
      model.linearLayers(matching: $0)
    }
  }

  /// Freezes the backbone and adds A and B to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.adapter = adapter(for: layer, using: generator)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// Creates a new delta on the weight of `layer`.
  func adapter(for layer: LinearLayer, using generator: SeededGenerator) -> LowRankAdapter {
    LowRankAdapter(
      for: layer, rank: rank, scale: alpha / Double(rank), dropout: dropout, using: generator)
  }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The method with the largest rank at which the deltas and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    var sized = self
    let perRank = layers(of: model).reduce(0) {
      $0 + $1.weight.shape.rows + $1.weight.shape.columns
    }
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    guard perRank > 0 else {
      sized.rank = 1
      return sized
    }
    let rank = Int(saturating: (Double(budget - head) / Double(perRank)).rounded(.down))
    sized.rank = min(AdapterCandidates.rankLimit, max(1, rank))
    return sized
  }

  /// PEFT's LoRA format, including `use_rslora` and alpha patterns. Variants with different
  /// mathematics are rejected by name.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    guard configuration.type == "LORA", configuration["use_dora"]?.bool != true else { return nil }
    return try LowRankFormat(configuration)
  }
}

extension TransformerModel {
  /// The first of `targets` that does not name a linear layer of the backbone.
  func misfit(targets: [String]) -> MethodMisfit? {
    guard let unknown = targets.first(where: { linearLayers(matching: $0).isEmpty }) else {
      return nil
    }
    let names = backboneLinearLayers.map { layer in
      layer.name.split(separator: ".").suffix(2).joined(separator: ".")
    }
    var known = Set<String>()
    return MethodMisfit(
      setting: "targets",
      "no linear layer is called \"\(unknown)\"; there are "
        + names.filter { known.insert($0).inserted }.joined(separator: ", "))
  }
}
