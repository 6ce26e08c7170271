import PEFTNetwork
import PEFTTensor

/// The groups of a model under one rule.
///
/// The groups of the rule are disjoint and together cover the model. Candidates follow after them:
/// adapters, and single elements of matrices. Each excludes the group whose matrices it takes.
public struct ParameterGrouping: Sendable {
  /// The groups: first those of the rule in the order of the network, then the candidates.
  public let groups: [ParameterGroup]
  /// The rule that defines the groups.
  public let rule: GroupingRule
  /// The assignment of each parameter's elements to groups, indexed by the parameter's position in
  /// the model.
  public let assignments: [Assignment]
  /// For each parameter, the candidates that train only its elements with the largest gradients;
  /// indexed as `assignments`.
  public let elementPrefixes: [[Prefix]]

  /// The groups to which a parameter's elements belong.
  public enum Assignment: Hashable, Sendable {
    /// The whole tensor belongs to one group.
    case whole(Int)
    /// Row r belongs to group `first + r`.
    case rows(first: Int)
    /// The first `count` columns belong to each of these groups. The adapter's other parameters,
    /// whose gradient is initially zero, belong to no group.
    case prefixes([Prefix])
    /// The parameter belongs to no group.
    case none
  }

  /// A number of leading columns, or of elements in the order of their gradients, and the group to
  /// which they belong.
  public struct Prefix: Hashable, Sendable {
    /// The number of columns or elements.
    public let count: Int
    /// The group.
    public let group: Int
  }

  /// The largest number of elements of a parameter that a candidate trains; 0 if none does.
  func elementCount(at position: Int) -> Int {
    elementPrefixes[position].map(\.count).max() ?? 0
  }

  /// Groups `parameters` by `rule`.
  ///
  /// With `candidates`, the factors of attached adapters belong only to the candidates' groups;
  /// without, they are treated like any other parameter. Throws if a user's file names a group
  /// twice, matches a tensor twice, leaves one out or has a pattern that matches nothing, and if
  /// adapter candidates are combined with `row`.
  public init(
    _ parameters: [ModelParameter], by rule: GroupingRule, candidates: AdapterCandidates? = nil
  ) throws(GroupingError) {
    var builder = Builder(parameters: parameters, candidates: candidates)
    switch rule {
    case .row: builder.assignRows()
    case .patterns(let named): try builder.assign(named)
    case .kind: builder.assign { $0.kind.rawValue }
    case .kindByLayer:
      builder.assign { $0.kind == .head ? "head" : "\($0.place).\($0.kind.rawValue)" }
    case .tensor: builder.assign { $0.kind == .head ? "head" : $0.parameter.name }
    }
    if let candidates {
      if rule == .row {
        throw GroupingError(
          description:
            "adapters cannot be weighed against single rows; group by tensor, kind-layer "
            + "or kind, or leave out the candidates")
      }
      try builder.addCandidates(candidates)
    }
    self.rule = rule
    groups = builder.groups.map(\.group)
    assignments = builder.assignments
    elementPrefixes = builder.elementPrefixes
  }

  /// The number of groups, K.
  public var count: Int { groups.count }
}

private struct Builder {
  let parameters: [ModelParameter]
  /// Positions of the parameters that the rule groups.
  let own: [Int]
  var groups: [Draft] = []
  var assignments: [ParameterGrouping.Assignment]
  var elementPrefixes: [[ParameterGrouping.Prefix]]
  private var positions: [String: Int] = [:]

  struct Draft {
    let name: String
    var sizes: [ParameterKind: Int] = [:]
    var layers: Set<Int?> = []
    var members: [ParameterGroup.Member] = []
    var exclusionClass: Int?

    var group: ParameterGroup {
      let kind = ParameterKind.allCases.max { (sizes[$0] ?? 0) < (sizes[$1] ?? 0) }
      return ParameterGroup(
        name: name, kind: kind ?? .feedForward,
        layer: layers.count == 1 ? layers.first ?? nil : nil,
        parameterCount: sizes.values.reduce(0, +), members: members,
        exclusionClass: exclusionClass)
    }
  }

  init(parameters: [ModelParameter], candidates: AdapterCandidates?) {
    self.parameters = parameters
    own = parameters.indices.filter { candidates == nil || parameters[$0].adapter == nil }
    assignments = Array(repeating: .none, count: parameters.count)
    elementPrefixes = Array(repeating: [], count: parameters.count)
  }

  /// The index of the group `name`, which is added if it does not exist.
  private mutating func group(_ name: String) -> Int {
    if let position = positions[name] { return position }
    positions[name] = groups.count
    groups.append(Draft(name: name))
    return groups.count - 1
  }

  private mutating func put(_ index: Int, into group: Int) {
    let entry = parameters[index]
    groups[group].sizes[entry.kind, default: 0] += entry.parameter.count
    groups[group].layers.insert(entry.layer)
    groups[group].members.append(.tensor(entry.parameter.name))
    assignments[index] = .whole(group)
  }

  mutating func assign(_ name: (ModelParameter) -> String) {
    for index in own { put(index, into: group(name(parameters[index]))) }
  }

  mutating func assignRows() {
    for index in own {
      let entry = parameters[index]
      guard entry.kind != .head, entry.parameter.shape.rank == 2 else {
        put(index, into: group(entry.kind == .head ? "head" : entry.parameter.name))
        continue
      }
      assignments[index] = .rows(first: groups.count)
      let name = entry.parameter.name
      for row in 0..<entry.parameter.shape.rows {
        groups.append(
          Draft(
            name: "\(name)[\(row)]", sizes: [entry.kind: entry.parameter.shape.columns],
            layers: [entry.layer], members: [.row(name, row)]))
      }
    }
  }

  mutating func assign(_ named: [GroupingRule.NamedPatterns]) throws(GroupingError) {
    if let name = named.map(\.name).firstDuplicate {
      throw GroupingError(description: "the group \"\(name)\" is there twice")
    }
    if named.contains(where: { $0.name == "head" }) {
      throw GroupingError(
        description: "the head is a group of its own and always trains; rename the group \"head\"")
    }
    for item in named { _ = group(item.name) }
    for index in own {
      let entry = parameters[index]
      guard entry.kind != .head else {
        put(index, into: group("head"))
        continue
      }
      let name = entry.parameter.name
      let matching = named.filter { $0.matches(name) }
      guard let first = matching.first else {
        throw GroupingError(
          description:
            "no group takes the tensor \(name); every parameter needs one, for instance a "
            + "last group with the patterns of what is left")
      }
      guard matching.count == 1 else {
        throw GroupingError(
          description: "the groups "
            + matching.map { "\"\($0.name)\"" }.joined(separator: " and ")
            + " both take the tensor \(name); groups must not overlap")
      }
      put(index, into: group(first.name))
    }
    if let empty = groups.first(where: { $0.members.isEmpty }) {
      throw GroupingError(
        description: "the group \"\(empty.name)\" takes no tensor; an inspection by "
          + "`groups` tensor lists the names")
    }
  }

  /// Adds, for every group with matrices to adapt, one group for each number of elements and each
  /// rank, and a second one of that rank if only some of its matrices are narrow targets, and puts
  /// them all into one exclusion class. A matrix with fewer elements than a candidate trains is
  /// left out of it.
  ///
  /// Throws if a matrix to adapt does not exist.
  mutating func addCandidates(_ candidates: AdapterCandidates) throws(GroupingError) {
    for target in candidates.targets ?? [] {
      let alone = candidates.on(target)
      guard own.contains(where: { isTarget(parameters[$0], of: alone) }) else {
        throw GroupingError(
          description:
            "no matrix of the layers is called \(target); an inspection by `groups` tensor lists "
            + "them"
        )
      }
    }
    var matrices: [Int: [Int]] = [:]
    var classes = 0
    for index in own where isTarget(parameters[index], of: candidates) {
      if case .whole(let group) = assignments[index] { matrices[group, default: []].append(index) }
    }
    var prefixes: [String: [ParameterGrouping.Prefix]] = [:]
    for (base, indices) in matrices.sorted(by: { $0.key < $1.key }) {
      groups[base].exclusionClass = classes
      let name = groups[base].name
      let narrow = indices.filter { candidates.adaptsNarrowly(parameters[$0].parameter.name) }
      for count in candidates.elements {
        addElements("speft:\(count)@\(name)", of: indices, count: count, in: classes)
      }
      for rank in candidates.ranks {
        addAdapter("lora:\(rank)@\(name)", on: indices, rank: rank, in: classes, &prefixes)
        guard !narrow.isEmpty, narrow.count < indices.count else { continue }
        let targets = (candidates.narrowTargets ?? []).joined(separator: "+")
        addAdapter(
          "lora:\(rank)@\(name).\(targets)", on: narrow, rank: rank, in: classes, &prefixes)
      }
      classes += 1
    }
    for (index, entry) in parameters.enumerated() {
      guard let adapter = entry.adapter, adapter.part == .columnPrefixes else { continue }
      assignments[index] = prefixes[adapter.weight].map { .prefixes($0) } ?? .none
    }
  }

  /// Adds the group of adapters of one rank on the matrices `indices`.
  private mutating func addAdapter(
    _ name: String, on indices: [Int], rank: Int, in exclusionClass: Int,
    _ prefixes: inout [String: [ParameterGrouping.Prefix]]
  ) {
    var draft = Draft(name: name)
    draft.exclusionClass = exclusionClass
    for index in indices {
      let entry = parameters[index]
      draft.sizes[.adapter, default: 0] +=
        rank * (entry.parameter.shape.rows + entry.parameter.shape.columns)
      draft.layers.insert(entry.layer)
      draft.members.append(.lowRank(weight: entry.parameter.name, rank: rank))
      prefixes[entry.parameter.name, default: []].append(
        ParameterGrouping.Prefix(count: rank, group: groups.count))
    }
    groups.append(draft)
  }

  /// Adds the group of `count` elements of each of the matrices `indices`.
  private mutating func addElements(
    _ name: String, of indices: [Int], count: Int, in exclusionClass: Int
  ) {
    var draft = Draft(name: name)
    draft.exclusionClass = exclusionClass
    for index in indices where parameters[index].parameter.count >= count {
      draft.sizes[.adapter, default: 0] += count
      draft.layers.insert(parameters[index].layer)
      draft.members.append(.elements(weight: parameters[index].parameter.name, count: count))
      elementPrefixes[index].append(ParameterGrouping.Prefix(count: count, group: groups.count))
    }
    guard !draft.members.isEmpty else { return }
    groups.append(draft)
  }

  private func isTarget(_ entry: ModelParameter, of candidates: AdapterCandidates) -> Bool {
    guard [.attention, .feedForward].contains(entry.kind), entry.parameter.shape.rank == 2 else {
      return false
    }
    return candidates.adapts(entry.parameter.name)
  }
}

extension Array where Element: Hashable {
  /// The first element that occurs a second time.
  fileprivate var firstDuplicate: Element? {
    var seen: Set<Element> = []
    return first { !seen.insert($0).inserted }
  }
}
