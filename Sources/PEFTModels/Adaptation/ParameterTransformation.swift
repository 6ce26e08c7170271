import PEFTNetwork
import PEFTTensor

/// HiWi (Liao et al. 2023, arXiv 2305.16742): small networks read the pre-trained biases or weights
/// of the feed-forward layers and add their outputs to them; after training, only the new biases or
/// weights are needed.
///
/// b + U f(D b) for a bias b [out], W + f(W Dᵀ) U for a weight W [out, in], with f = max(0, ·).
/// Where a layer has no bias, as in Llama, its weight is read. No code of the paper was published;
/// the form of the network follows its text.
///
/// What trains is 2 R out elements for a bias, and what a merged model needs is only the out
/// elements of the bias itself, whatever R is.
public struct ParameterTransformation: AdaptationMethod {
  /// `hiwi`.
  public static let name = "hiwi"

  /// What is trained.
  public static let summary = "small networks that change biases or weights, read from themselves"

  /// R, the width of the networks.
  public var rank = 8
  /// What the networks read and change.
  public var part = ParameterAdapter.Part.bias
  /// The last components of the paths of the linear layers to adapt; the feed-forward layers if
  /// empty.
  public var targets: [String] = []

  /// Rank, of and targets.
  public static let fields: [MethodField<ParameterTransformation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit,
      help: "the width of the networks, from 1 to 1024"),
    .word("of", \.part, help: "bias or weight; what the networks read and change"),
    .names("targets", \.targets, help: "linear layers; the feed-forward ones if empty"),
  ]

  /// Creates the method of width 8 on the biases of the feed-forward layers.
  public init() {}

  /// Creates the method of width `rank`.
  public init(rank: Int, part: ParameterAdapter.Part = .bias, targets: [String] = []) {
    precondition(rank > 0, "ParameterTransformation: rank \(rank)")
    (self.rank, self.part, self.targets) = (rank, part, targets)
  }

  /// The name, what is changed if it is not the bias, and the width.
  public var label: String {
    (part == .bias ? name : "\(name) \(part.rawValue)") + " r\(rank)"
  }

  /// The layers that the method adapts, and the part of each.
  public func layers(
    of model: TransformerModel
  ) -> [(layer: LinearLayer, part: ParameterAdapter.Part)] {
    let inner = Set(model.parameters.filter { $0.kind == .feedForward }.map(\.parameter))
    let layers =
      targets.isEmpty
      ? model.backboneLinearLayers.filter { inner.contains($0.weight) }
      : model.linearLayers(matchingAnyOf: targets)
    return layers.map { ($0, $0.bias == nil ? .weight : part) }
  }

  /// The method with the largest width at which the networks and the head are within `budget`
  /// parameters, or with width 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let perRank = layers(of: model).reduce(0) { sum, item in
      let shape = item.layer.weight.shape
      return sum + 2 * (item.part == .bias ? shape.rows : shape.columns)
    }
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    var sized = self
    sized.rank = min(AdapterCandidates.rankLimit, max(1, (budget - head) / max(1, perRank)))
    return sized
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// Freezes the backbone and adds a network to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for (layer, part) in layers(of: model) {
      layer.adapter = ParameterAdapter(for: layer, part: part, rank: rank, using: generator)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}
