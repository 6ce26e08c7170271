/// Parameters that train, or stay frozen, together: an item of the selection.
public struct ParameterGroup: Hashable, Sendable {
  /// The group's name, unique among its model's groups: `attention`, `layer.3.norm`, a tensor's
  /// name, a tensor's name with a row as `….weight[17]`, or an adapter as
  /// `lora:8@layer.3.attention`.
  public let name: String
  /// What its parameters do; for a user's group with several kinds, that of most of its elements.
  public let kind: ParameterKind
  /// The transformer layer that holds all of it; nil where there is no such one.
  public let layer: Int?
  /// The number of elements, |k|.
  public let parameterCount: Int
  /// What it consists of.
  public let members: [Member]
  /// Groups of one class exclude each other: a set of weights and the adapters on it. Nil for a
  /// group that excludes none.
  public let exclusionClass: Int?

  /// A part of a group.
  public enum Member: Hashable, Sendable {
    /// A whole tensor.
    case tensor(String)
    /// One row of a matrix.
    case row(String, Int)
    /// A new low-rank addition of rank R to a weight.
    case lowRank(weight: String, rank: Int)

    /// The member in one line: `NAME`, `NAME[ROW]` or `lora:RANK@NAME`.
    public var description: String {
      switch self {
      case .tensor(let name): name
      case .row(let name, let row): "\(name)[\(row)]"
      case .lowRank(let weight, let rank): "lora:\(rank)@\(weight)"
      }
    }

    /// The member that `description` describes; nil for anything else.
    public init?(_ description: String) {
      if description.hasPrefix("lora:") {
        let parts = description.dropFirst("lora:".count).split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let rank = Int(parts[0]),
          (1...AdapterCandidates.rankLimit).contains(rank)
        else { return nil }
        self = .lowRank(weight: String(parts[1]), rank: rank)
      } else if description.hasSuffix("]") {
        let parts = description.dropLast().split(separator: "[", maxSplits: 1)
        guard parts.count == 2, let row = Int(parts[1]), row >= 0 else { return nil }
        self = .row(String(parts[0]), row)
      } else {
        guard !description.isEmpty else { return nil }
        self = .tensor(description)
      }
    }
  }

  /// A group with these properties, as read from a file.
  public init(
    name: String, kind: ParameterKind, layer: Int?, parameterCount: Int, members: [Member],
    exclusionClass: Int?
  ) {
    self.name = name
    self.kind = kind
    self.layer = layer
    self.parameterCount = parameterCount
    self.members = members
    self.exclusionClass = exclusionClass
  }

  /// More parameters than any model has; a file that says more is wrong.
  public static let parameterLimit = 1 << 36

  /// Whether it always trains: the head.
  public var isFixed: Bool { kind == .head }
}
