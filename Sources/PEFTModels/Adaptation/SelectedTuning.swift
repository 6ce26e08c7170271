import PEFTNetwork
import PEFTTensor

/// What a selection chose trains: whole tensors, rows of matrices, and new low-rank additions.
///
/// Additions have the scale s = 2 for every rank (α twice the rank, as by habit), the one they are
/// probed with.
public struct SelectedTuning: AdaptationMethod {
  /// `plan`.
  public static let name = "plan"

  /// s of every addition.
  static let scale = 2.0

  /// What trains besides the head.
  public let members: [ParameterGroup.Member]

  /// The method that trains `members`; those that belong to the head change nothing.
  public init(members: [ParameterGroup.Member]) { self.members = members }

  /// The first member that `model` has no place for; nil when all fit.
  public func misfit(in model: TransformerModel) -> ParameterGroup.Member? {
    let parameters = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.parameter.name, $0.parameter) })
    let matrices = Set(model.backboneLinearLayers.map(\.weight.name))
    return members.first { member in
      switch member {
      case .tensor(let name): parameters[name] == nil
      case .row(let name, let row):
        !(parameters[name].map { $0.shape.rank == 2 && row < $0.shape.rows } ?? false)
      case .lowRank(let weight, _): !matrices.contains(weight)
      }
    }
  }

  /// Freezes everything else, and adds A and B where the selection has an addition.
  ///
  /// Every member must fit; see `misfit(in:)`.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    if let member = misfit(in: model) {
      preconditionFailure("SelectedTuning: the model has no place for \(member)")
    }
    let layers = Dictionary(
      uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.weight.name, $0) })
    var names: Set<String> = []
    var rows: [String: [Int]] = [:]
    for member in members {
      switch member {
      case .tensor(let name): names.insert(name)
      case .row(let name, let row): rows[name, default: []].append(row)
      case .lowRank(let weight, let rank):
        layers[weight]?.attachLowRank(
          rank: rank, scale: Self.scale, dropout: 0, using: generator)
      }
    }
    let added = Set(
      model.backboneLinearLayers.compactMap(\.lowRank).flatMap { [$0.down, $0.up] })
    model.train { parameter in
      names.contains(parameter.name) || rows[parameter.name] != nil || added.contains(parameter)
    }
    for entry in model.parameters {
      entry.parameter.trainableRows = rows[entry.parameter.name].map { Set($0).sorted() }
    }
  }

  /// Folds the additions into their weights.
  public func merge(into model: TransformerModel) {
    for layer in model.backboneLinearLayers { layer.mergeLowRank() }
  }

  /// Takes the additions off and the marks from rows.
  public func detach(from model: TransformerModel) {
    for layer in model.backboneLinearLayers { layer.lowRank = nil }
    for entry in model.parameters { entry.parameter.trainableRows = nil }
  }
}

extension LowRankAdaptation {
  /// Attaches to the matrices that `candidates` name one addition of the largest rank each, for
  /// probing all ranks at once. Nothing is frozen.
  public static func attachCandidates(
    _ candidates: AdapterCandidates, to model: TransformerModel, using generator: SeededGenerator
  ) {
    for layer in model.backboneLinearLayers where candidates.adapts(layer.weight.name) {
      layer.attachLowRank(
        rank: candidates.largestRank, scale: SelectedTuning.scale, dropout: 0, using: generator)
    }
  }
}
