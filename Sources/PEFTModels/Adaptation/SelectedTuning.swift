import PEFTNetwork
import PEFTTensor

/// Trains the members of a selection: whole tensors, rows of matrices, single elements, and new
/// low-rank deltas.
///
/// Elements without positions are chosen before the first step by the gradients of some batches, as
/// in `SparseTuning`.
///
/// Deltas have the scale s = 2 for every rank (α twice the rank, as is common), the same with which
/// they are probed.
public struct SelectedTuning: AdaptationMethod {
  /// `plan`.
  public static let name = "plan"

  /// What is trained.
  public static let summary = "what a selection names"

  /// Members and reselect.
  public static let fields = [
    MethodField<SelectedTuning>(
      name: "members",
      help: "members of groups, as NAME, NAME[ROW], lora:RANK@NAME or speft:COUNT@NAME",
      json: { .array($0.members.map { .string($0.description) }) },
      set: { method, value in
        guard let array = value.array else { return false }
        let members = array.compactMap { $0.string.flatMap(ParameterGroup.Member.init) }
        method.members = members
        return members.count == array.count
      }, parse: { text in .array(text.split(separator: ",").map { .string(String($0)) }) }),
    MethodField<SelectedTuning>(
      name: "reselect", help: "steps, or a share of the run such as 25%, between two choices",
      json: { $0.reselection.map { .string($0.description) } ?? .null },
      set: { method, value in
        guard value != .null else {
          method.reselection = nil
          return true
        }
        guard let interval = value.string.flatMap(ReselectionInterval.init) else { return false }
        method.reselection = interval
        return true
      }, parse: { .string($0) }
    ).optional,
  ]

  /// s of every delta.
  static let scale = 2.0

  /// The members that are trained in addition to the head.
  public var members: [ParameterGroup.Member]
  /// How often what trains is chosen again; nil for once.
  public var reselection: ReselectionInterval?

  /// Creates a method that trains only the head.
  public init() { members = [] }

  /// Creates a method that trains `members`. Members that belong to the head have no effect.
  public init(members: [ParameterGroup.Member]) { self.members = members }

  /// The first member that does not fit `model`; nil if all fit.
  public func misfittingMember(in model: TransformerModel) -> ParameterGroup.Member? {
    let parameters = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.parameter.name, $0.parameter) })
    let matrices = Set(model.backboneLinearLayers.map(\.weight.name))
    return members.first { member in
      switch member {
      case .tensor(let name): parameters[name] == nil
      case .row(let name, let row):
        !(parameters[name].map { $0.shape.rank == 2 && row < $0.shape.rows } ?? false)
      case .lowRank(let weight, _): !matrices.contains(weight)
      case .elements(let weight, let count, let positions):
        !matrices.contains(weight)
          || parameters[weight].map { $0.count < count || $0.count <= positions.last ?? -1 } ?? true
      }
    }
  }

  /// The misfit of the first member that does not fit `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    misfittingMember(in: model).map {
      MethodMisfit(setting: "members", "the model has no place for \($0.place)")
    }
  }

  /// Freezes everything else, and adds A and B wherever the selection has a delta.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    if let misfit = misfit(in: model) { preconditionFailure("SelectedTuning: \(misfit)") }
    let layers = Dictionary(
      uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.weight.name, $0) })
    var names: Set<String> = []
    var rows: [String: [Int]] = [:]
    let elements = elements
    for member in members {
      switch member {
      case .tensor(let name): names.insert(name)
      case .row(let name, let row): rows[name, default: []].append(row)
      case .lowRank(let weight, let rank):
        guard let layer = layers[weight] else { continue }
        layer.adapter = LowRankAdapter(
          for: layer, rank: rank, scale: Self.scale, using: generator)
      case .elements: break
      }
    }
    let added = model.adapterParameters
    model.train { parameter in
      names.contains(parameter.name) || rows[parameter.name] != nil || added.contains(parameter)
    }
    for entry in model.parameters {
      if let rows = rows[entry.parameter.name] {
        entry.parameter.trains = .rows(Set(rows).sorted())
      }
      if let (count, positions) = elements[entry.parameter.name] {
        if positions.isEmpty {
          entry.parameter.trainElementsToCome(count)
        } else {
          entry.parameter.trainElements(positions)
        }
      }
    }
    if reselection != nil { model.makeExchangeable() }
  }

  /// The elements to train of each weight of which only some train: their number, and their
  /// positions if these are known.
  private var elements: [String: (count: Int, positions: [Int])] {
    var elements: [String: (count: Int, positions: [Int])] = [:]
    for case .elements(let weight, let count, let positions) in members
    where count > elements[weight]?.count ?? 0 {
      elements[weight] = (count, positions)
    }
    return elements
  }

  /// The number of batches whose gradients choose elements; 0 if there are none to choose.
  public var gradientBatches: Int {
    elements.values.contains { $0.positions.isEmpty } ? SparseTuning().batches : 0
  }

  /// Chooses the elements that have no positions.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    let elements = elements
    for entry in model.parameters {
      guard let (count, positions) = elements[entry.parameter.name], positions.isEmpty else {
        continue
      }
      entry.parameter.trainElements(entry.parameter.largestPositions(count, of: gradients))
    }
  }

  /// The names of the parameters that a member consists of, or belongs to.
  public static func parameterNames(of member: ParameterGroup.Member) -> [String] {
    switch member {
    case .tensor(let name), .row(let name, _), .elements(let name, _, _): return [name]
    case .lowRank(let weight, _):
      let path = weight.hasSuffix(".weight") ? String(weight.dropLast(7)) : weight
      return LowRankAdapter.suffixes.map { path + "." + $0 }
    }
  }

  /// Attaches one delta of the largest rank to each matrix that `candidates` name, to probe all
  /// ranks at once. Nothing is frozen.
  public static func attachCandidates(
    _ candidates: AdapterCandidates, to model: TransformerModel, using generator: SeededGenerator
  ) {
    guard let rank = candidates.largestRank else { return }
    for layer in model.backboneLinearLayers where candidates.adapts(layer.weight.name) {
      layer.adapter = LowRankAdapter(for: layer, rank: rank, scale: scale, using: generator)
    }
  }
}
