import PEFTNetwork
import PEFTTensor

/// A set of groups that treats all layers alike, as a default does: the norms of all layers, their
/// biases, as many elements of every matrix, or adapters of one rank on the same matrices
/// everywhere.
public struct UniformSet: Hashable, Sendable {
  /// What kind of parameters trains, in the order of how well it is known to train on any task:
  /// biases collapse now and then, and of single elements more are not always better.
  public enum Kind: Int, Comparable, Sendable {
    case biases, elements, norms, adapters

    /// Whether `a` comes before `b` in this order.
    public static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
  }

  /// What trains, such as `norm`, `speft:64` or `lora:4`.
  public let name: String
  /// The kind of what trains.
  public let kind: Kind
  /// The indices of the groups, ascending, without the fixed ones.
  public let groups: [Int]
  /// The number of parameters of these groups.
  public let parameterCount: Int

  /// The set to take from `sets` before anything is measured: the one of the kind that is known to
  /// train best, and of these the largest. Nil without sets.
  public static func preferred(among sets: [UniformSet]) -> UniformSet? {
    sets.max { ($0.kind, $0.parameterCount) < ($1.kind, $1.parameterCount) }
  }

  /// All uniform sets of `groups`: norms, biases, for each number of elements those of all
  /// matrices, and for each rank the adapters on all matrices that have any, and those on the
  /// narrow targets.
  public static func all(of groups: [ParameterGroup]) -> [UniformSet] {
    var sets: [(name: String, kind: Kind, groups: [Int])] = []
    for (kind, parameters) in [(Kind.norms, ParameterKind.norm), (.biases, .bias)] {
      sets.append(
        (parameters.rawValue, kind, groups.indices.filter { groups[$0].kind == parameters }))
    }
    let elements = Dictionary(grouping: groups.indices) { groups[$0].elementCount }
    for (count, groups) in elements.sorted(by: { ($0.key ?? 0) < ($1.key ?? 0) }) {
      if let count { sets.append(("speft:\(count)", .elements, groups)) }
    }
    let adapters = groups.indices.compactMap { index in
      groups[index].adapterRank.map { (index: index, rank: $0) }
    }
    /// The largest number of matrices that a candidate of a class adapts.
    var widest: [Int?: Int] = [:]
    for (index, _) in adapters {
      let group = groups[index]
      widest[group.exclusionClass] = max(
        widest[group.exclusionClass] ?? 0, group.members.count)
    }
    for rank in Set(adapters.map(\.rank)).sorted() {
      let ofRank = adapters.filter { $0.rank == rank }.map(\.index)
      let isWide = { (index: Int) in
        groups[index].members.count == widest[groups[index].exclusionClass]
      }
      let (wide, narrow) = (ofRank.filter(isWide), ofRank.filter { !isWide($0) })
      sets.append(("lora:\(rank)", .adapters, wide))
      if !narrow.isEmpty { sets.append(("lora:\(rank) on the usual matrices", .adapters, narrow)) }
    }
    return sets.filter { !$0.groups.isEmpty }.map { name, kind, members in
      UniformSet(
        name: name, kind: kind, groups: members,
        parameterCount: members.reduce(0) { $0 + groups[$1].parameterCount })
    }
  }
}

extension ParameterGroup {
  /// The kind of uniform set to which this group may belong; nil for whole matrices and tables, and
  /// for the head.
  package var uniformKind: UniformSet.Kind? {
    if adapterRank != nil { return .adapters }
    if elementCount != nil { return .elements }
    return kind == .norm ? .norms : kind == .bias ? .biases : nil
  }

  /// The rank of the adapters of this group; nil if it is not a group of adapters of one rank.
  var adapterRank: Int? {
    var ranks: Set<Int> = []
    for member in members {
      guard case .lowRank(_, let rank) = member else { return nil }
      ranks.insert(rank)
    }
    return ranks.count == 1 ? ranks.first : nil
  }

  /// The number of elements of each matrix in this group; nil if it is not a group of elements.
  var elementCount: Int? {
    var counts: Set<Int> = []
    for member in members {
      guard case .elements(_, let count, _) = member else { return nil }
      counts.insert(count)
    }
    return counts.count == 1 ? counts.first : nil
  }
}
