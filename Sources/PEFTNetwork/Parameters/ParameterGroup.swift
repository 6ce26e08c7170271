/// Parameters that are trained or frozen together: an item of the selection.
public struct ParameterGroup: Hashable, Sendable {
  /// The group's name, unique among its model's groups.
  ///
  /// Examples are `attention`, `layer.3.norm`, a tensor's name, a tensor's name with a row as in
  /// `….weight[17]`, an adapter as in `lora:8@layer.3.attention`, and elements of each matrix as in
  /// `speft:64@layer.3.attention`.
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
    /// As many single elements of a weight: those with the largest gradients.
    case elements(weight: String, count: Int)

    /// The member in one line: `NAME`, `NAME[ROW]`, `lora:RANK@NAME` or `speft:COUNT@NAME`.
    public var description: String {
      switch self {
      case .tensor(let name): name
      case .row(let name, let row): "\(name)[\(row)]"
      case .lowRank(let weight, let rank): "lora:\(rank)@\(weight)"
      case .elements(let weight, let count): "speft:\(count)@\(weight)"
      }
    }

    /// Creates the member that `description` describes; nil for anything else.
    public init?(_ description: String) {
      if let (rank, weight) = Self.candidate(
        description, "lora:", upTo: AdapterCandidates.rankLimit)
      {
        self = .lowRank(weight: weight, rank: rank)
      } else if let (count, weight) = Self.candidate(
        description, "speft:", upTo: AdapterCandidates.elementLimit)
      {
        self = .elements(weight: weight, count: count)
      } else if description.hasPrefix("lora:") || description.hasPrefix("speft:") {
        return nil
      } else if description.hasSuffix("]") {
        let parts = description.dropLast().split(separator: "[", maxSplits: 1)
        guard parts.count == 2, let row = Int(parts[1]), row >= 0 else { return nil }
        self = .row(String(parts[0]), row)
      } else {
        guard !description.isEmpty else { return nil }
        self = .tensor(description)
      }
    }

    /// The number and the weight of `PREFIX` NUMBER `@` WEIGHT.
    private static func candidate(
      _ description: String, _ prefix: String, upTo limit: Int
    ) -> (number: Int, weight: String)? {
      guard description.hasPrefix(prefix) else { return nil }
      let parts = description.dropFirst(prefix.count).split(separator: "@", maxSplits: 1)
      guard parts.count == 2, let number = Int(parts[0]), (1...limit).contains(number) else {
        return nil
      }
      return (number, String(parts[1]))
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
