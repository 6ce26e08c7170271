import PEFTNetwork
import PEFTTensor

/// LoRA (Hu et al. 2021): adds a delta s · B A of rank R to the weight W of every target, and
/// trains only A and B.
///
/// Usually A is initialised uniformly in ±1/√in and B to zero, so training starts at the base
/// model. Settings make it one of several published variants, which differ in scale, in where they
/// start and in what trains: rsLoRA, LoRA+, LoRA-FA and PiSSA.
public struct LowRankAdaptation: AdaptationMethod {
  /// The rule for s.
  public enum Scaling: String, Sendable {
    /// s = α / R.
    case rank
    /// s = α / √R, with which the size of a step does not depend on the rank (rsLoRA, Kalajdzievski
    /// 2023).
    case rootRank = "root-rank"

    /// α / s.
    func divisor(rank: Int) -> Double {
      self == .rank ? Double(rank) : Double(rank).squareRoot()
    }
  }

  /// The factors that train.
  public enum Trained: String, Sendable {
    /// A and B.
    case both
    /// B alone (LoRA-FA, Zhang et al. 2023).
    case up = "b"
  }

  /// The initial factors.
  public enum Start: String, Sendable {
    /// A uniform in ±1/√in, and B zero.
    case uniform
    /// The rows of A along the first right singular vectors of Σ_b G_b, the sum of the weight's
    /// gradients over some batches, and as long as those of a uniform A; B zero.
    ///
    /// The first step of B then moves W in the best R directions of its inputs. LoRA-GA (Wang et
    /// al. 2024) also starts B at singular vectors, and subtracts the product from W.
    case gradient
    /// s B A is the best approximation of rank R of W, and what trains is its change (PiSSA, Meng
    /// et al. 2024). Exports are LoRAs of rank 2 R.
    case principal = "pissa"
  }

  /// `lora`.
  public static let name = "lora"

  /// What is trained.
  public static let summary = "low-rank factors added to some weights"

  /// R, the rank.
  public var rank = 8
  /// α, which determines s; see `scaling`. Unless set, it is twice the rank, as is common among
  /// users of PEFT, or 16 where s is α / √R.
  public var alpha: Double {
    get { givenAlpha ?? (scaling == .rank ? Double(2 * rank) : 16) }
    set { givenAlpha = newValue }
  }
  /// The probability of dropping an element of the delta's input.
  public var dropout = 0.0
  /// The last components of the paths of the linear layers to adapt, such as `query`.
  ///
  /// If empty, the usual layers of the model are adapted: the query and value projections, or the
  /// joint query-key-value projection.
  public var targets: [String] = []
  /// The rule for s.
  public var scaling = Scaling.rank
  /// The learning rate of B as a multiple of A's (LoRA+, Hayou et al. 2024, who recommend 16).
  public var upRate = 1.0
  /// The factors that train.
  public var trained = Trained.both
  /// The initial factors.
  public var start = Start.uniform
  private var givenAlpha: Double?

  /// The settings of the delta: rank, alpha, dropout, targets, scaling and b-rate.
  static let deltaFields: [MethodField<LowRankAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit, help: "the rank, from 1 to 1024"),
    .number(
      "alpha", \.alpha, help: "a positive number; the addition is scaled by alpha / rank"
    ) { $0 > 0 },
    .number("dropout", \.dropout, help: "dropout on the addition's input, from 0 to below 1") {
      (0..<1).contains($0)
    },
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
    .word("scaling", \.scaling, help: "rank or root-rank; what alpha is divided by")
      .optional,
    .number("b-rate", \.upRate, help: "B's learning rate over A's, from 0.001 to 1000") {
      (1e-3...1e3).contains($0)
    }.optional,
  ]

  /// The settings of the delta, what trains of it, and its start.
  public static let fields =
    deltaFields + [
      .word("trained", \.trained, help: "both or b; the factors that train").optional,
      .word("start", \.start, help: "uniform, gradient or pissa; the initial factors")
        .optional,
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

  /// The first target that does not name a linear layer of `model`, or a rank above that of a
  /// weight whose singular vectors are the start.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    guard start != .uniform else { return nil }
    return model.misfit(rank: rank, of: layers(of: model))
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    (targets.isEmpty ? model.configuration.usualTargets : targets).flatMap {
      model.linearLayers(matching: $0)
    }
  }

  /// Freezes the backbone and adds A and B to every target. Factors that start at singular vectors
  /// remain to be chosen.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    var trainable: Set<Parameter> = []
    for layer in layers(of: model) {
      let lowRank = adapter(for: layer, using: generator)
      trainable.formUnion(trained == .both ? [lowRank.down, lowRank.up] : [lowRank.up])
      layer.adapter =
        start == .principal
        ? LowRankChangeAdapter(
          layer.name, lowRank, startDown: lowRank.down.value, startUp: lowRank.up.value) : lowRank
    }
    model.train { trainable.contains($0) }
    guard start == .gradient else { return }
    for layer in layers(of: model) { layer.weight.wantsWholeGradient = true }
  }

  /// Creates a new delta on the weight of `layer`.
  func adapter(for layer: LinearLayer, using generator: SeededGenerator) -> LowRankAdapter {
    LowRankAdapter(
      for: layer, rank: rank, scale: alpha / scaling.divisor(rank: rank), dropout: dropout,
      isRankStabilized: scaling == .rootRank, upRate: upRate, using: generator)
  }

  /// rsLoRA, LoRA+ with the recommended factor 16, LoRA-FA and PiSSA.
  public static var variants: [(name: String, method: LowRankAdaptation)] {
    func variant(_ change: (inout LowRankAdaptation) -> Void) -> LowRankAdaptation {
      var method = LowRankAdaptation()
      change(&method)
      return method
    }
    return [
      ("rslora", variant { $0.scaling = .rootRank }), ("lora+", variant { $0.upRate = 16 }),
      ("lora-fa", variant { $0.trained = .up }), ("pissa", variant { $0.start = .principal }),
    ]
  }

  /// The name of the method or variant, the rank, and the other settings of scale, rate, training
  /// and start that are not the usual ones.
  public var label: String {
    let differences = differences
    if let variant = Self.variants.first(where: { $0.method.differences == differences }) {
      return "\(variant.name) r\(rank)"
    }
    return label(name)
  }

  /// The label of a method with this delta that is called `name`.
  func label(_ name: String) -> String {
    ([name, "r\(rank)"] + differences).joined(separator: " ")
  }

  /// The settings that make the method a variant, as `NAME=VALUE`.
  private var differences: [String] {
    settings.members.compactMap { name, value in
      Self.fields.contains { $0.name == name && $0.isOptional }
        ? "\(name)=\(value.string ?? value.text())" : nil
    }
  }

  /// The method with the largest rank at which what trains of the deltas and the head are within
  /// `budget` parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    var sized = self
    let layers = layers(of: model)
    let perRank = layers.reduce(0) { sum, layer in
      sum + layer.weight.shape.rows + (trained == .both ? layer.weight.shape.columns : 0)
    }
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    guard perRank > 0 else {
      sized.rank = 1
      return sized
    }
    let rank = Int(saturating: (Double(budget - head) / Double(perRank)).rounded(.down))
    let limit =
      start == .uniform
      ? AdapterCandidates.rankLimit : layers.map(\.largestRank).min() ?? AdapterCandidates.rankLimit
    sized.rank = min(AdapterCandidates.rankLimit, limit, max(1, rank))
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

  /// Whether `rank` is above that of the weight of one of `layers`.
  func misfit(rank: Int, of layers: [LinearLayer]) -> MethodMisfit? {
    layers.first { $0.largestRank < rank }.map {
      MethodMisfit(
        setting: "rank",
        "\(rank) is above \($0.largestRank), the smaller side of \($0.weight.name)")
    }
  }
}

extension LinearLayer {
  /// The smaller side of the weight.
  var largestRank: Int { min(weight.shape.rows, weight.shape.columns) }
}
