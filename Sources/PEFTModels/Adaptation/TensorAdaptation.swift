import PEFTNetwork
import PEFTTensor

/// LoRTA (Hounie et al. 2024, arXiv 2410.04060): the deltas of all layers are slices of one tensor
/// of rank R, whose factors train,
///
///     ΔW_{l,m} = s [A diag(C_1 ∘ M_m ∘ L_l) B, …, A diag(C_H ∘ M_m ∘ L_l) B]
///
/// with a block of columns for each of H heads, a row M_m for each kind of matrix, such as the
/// queries', and a row L_l for each layer: R (out + in / H + H + M + L) parameters in all.
///
/// A matrix with fewer rows or columns than the largest one uses the first rows of A and columns of
/// B. GPT-2's joint matrix of queries, keys and values is one matrix here, while the paper adapts
/// its three parts. All matrices share what trains, so none of them can be selected alone.
public struct TensorAdaptation: AdaptationMethod {
  /// `lorta`.
  public static let name = "lorta"

  /// What is trained.
  public static let summary = "the factors of one tensor, whose slices are added to weights"

  /// R, the rank.
  public var rank = 16
  /// α; s is α / R. Unless set, it is twice the rank.
  public var alpha: Double {
    get { givenAlpha ?? Double(2 * rank) }
    set { givenAlpha = newValue }
  }
  /// The last components of the paths of the linear layers to adapt; those of attention if empty.
  public var targets: [String] = []
  private var givenAlpha: Double?

  /// Rank, alpha and targets.
  public static let fields: [MethodField<TensorAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit, help: "the rank, from 1 to 1024"),
    .number("alpha", \.alpha, help: "a positive number; the delta is scaled by alpha / rank") {
      $0 > 0
    },
    .names("targets", \.targets, help: "linear layers; those of attention if empty"),
  ]

  /// Creates the method with rank 16 on the layers of attention.
  public init() {}

  /// Creates the method. α defaults to twice the rank.
  public init(rank: Int, alpha: Double? = nil, targets: [String] = []) {
    precondition(rank > 0, "TensorAdaptation: rank \(rank)")
    (self.rank, givenAlpha, self.targets) = (rank, alpha, targets)
  }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    guard targets.isEmpty else { return model.linearLayers(matchingAnyOf: targets) }
    let inner = Set(model.parameters.filter { $0.kind == .attention }.map(\.parameter))
    return model.backboneLinearLayers.filter { inner.contains($0.weight) }
  }

  /// The tensor's extents, and the row of each layer's kind and place.
  private func arrangement(
    of model: TransformerModel
  ) -> (inputs: Int, outputs: Int, heads: Int, kinds: [String], places: [String]) {
    let layers = layers(of: model)
    func distinct(_ names: [String]) -> [String] {
      names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
    let names = layers.map { Self.parts(of: $0.name) }
    return (
      layers.map(\.weight.shape.columns).max() ?? 0, layers.map(\.weight.shape.rows).max() ?? 0,
      model.configuration.headCount, distinct(names.map(\.kind)), distinct(names.map(\.place))
    )
  }

  /// The number of a layer in a path, and the path without it.
  private static func parts(of path: String) -> (place: String, kind: String) {
    let parts = path.split(separator: ".").map(String.init)
    return (
      parts.filter { Int($0) != nil }.joined(separator: "."),
      parts.filter { Int($0) == nil }.joined(separator: ".")
    )
  }

  /// The method with the largest rank at which the factors and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let (inputs, outputs, heads, kinds, places) = arrangement(of: model)
    let perRank = outputs + inputs / heads + heads + kinds.count + places.count
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    var sized = self
    sized.rank = min(AdapterCandidates.rankLimit, max(1, (budget - head) / perRank))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or a layer whose inputs cannot
  /// be divided among the heads.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    let heads = model.configuration.headCount
    return layers(of: model).first { !$0.weight.shape.columns.isMultiple(of: heads) }.map {
      MethodMisfit(
        setting: "targets",
        "the \($0.weight.shape.columns) inputs of \($0.name) cannot be divided among \(heads) heads"
      )
    }
  }

  /// Freezes the backbone and adds a slice of a new tensor to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let (inputs, outputs, heads, kinds, places) = arrangement(of: model)
    let tensor = SharedTensor(
      rank: rank, scale: alpha / Double(rank), inputs: inputs, outputs: outputs, heads: heads,
      kinds: kinds.count, layers: places.count, using: generator)
    for layer in layers(of: model) {
      let (place, kind) = Self.parts(of: layer.name)
      guard let row = kinds.firstIndex(of: kind), let number = places.firstIndex(of: place) else {
        continue
      }
      layer.adapter = TensorAdapter(for: layer, tensor: tensor, kind: row, place: number)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}
