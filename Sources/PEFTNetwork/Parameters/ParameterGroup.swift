/// Parameters that are trained or frozen together: an item of the selection.
public struct ParameterGroup: Hashable, Sendable {
  /// The group's name, unique among its model's groups.
  ///
  /// Examples are `attention`, `layer.3.norm`, a tensor's name, a tensor's name with a row as in
  /// `….weight[17]`, and an adapter as in `lora:8@layer.3.attention`.
  public let name: String
  /// The function of its parameters. For a user's group with several kinds, the kind of most of its
  /// elements.
  public let kind: ParameterKind
  /// The transformer layer that contains the whole group; nil if there is no single such layer.
  public let layer: Int?
  /// The number of elements, |k|.
  public let parameterCount: Int
  /// The parts of the group.
  public let members: [Member]
  /// Groups of the same class exclude each other, such as a set of weights and the adapters on it.
  /// Nil for a group that excludes none.
  public let exclusionClass: Int?

  /// A part of a group.
  public enum Member: Hashable, Sendable {
    /// A whole tensor.
    case tensor(String)
    /// One row of a matrix.
    case row(String, Int)
    /// A new low-rank delta of rank R on a weight.
    case lowRank(weight: String, rank: Int)

    /// The member in one line: `NAME`, `NAME[ROW]` or `lora:RANK@NAME`.
    public var description: String {
      switch self {
      case .tensor(let name): name
      case .row(let name, let row): "\(name)[\(row)]"
      case .lowRank(let weight, let rank): "lora:\(rank)@\(weight)"
      }
    }

    /// Creates the member that `description` describes; nil for anything else.
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

  /// Creates a group with these properties, as read from a file.
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

  /// An upper limit on the parameter count of any model. A file with a larger number is invalid.
  public static let parameterLimit = 1 << 36

  /// Whether the group is always trained, which is so for the head.
  public var isFixed: Bool { kind == .head }
}
