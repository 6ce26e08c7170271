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
    /// As many single elements of a weight: those with the largest gradients. `positions` are their
    /// row-major positions, ascending, fewer if the other gradients are zero; empty as long as no
    /// gradients have chosen them.
    case elements(weight: String, count: Int, positions: [Int] = [])

    /// The member in one line: `NAME`, `NAME[ROW]`, `lora:RANK@NAME`, `speft:COUNT@NAME` or, with
    /// the positions of the elements, `speft:COUNT@NAME[POSITION,…]`.
    public var description: String {
      guard case .elements(_, _, let positions) = self, !positions.isEmpty else { return place }
      return place + "[" + positions.map(String.init).joined(separator: ",") + "]"
    }

    /// The member without the positions of elements.
    public var place: String {
      switch self {
      case .tensor(let name): name
      case .row(let name, let row): "\(name)[\(row)]"
      case .lowRank(let weight, let rank): "lora:\(rank)@\(weight)"
      case .elements(let weight, let count, _): "speft:\(count)@\(weight)"
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
        guard let (weight, positions) = Self.positions(in: weight, upTo: count) else { return nil }
        self = .elements(weight: weight, count: count, positions: positions)
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

    /// The parts of `WEIGHT[POSITION,…]`, or of `WEIGHT`, which has no positions. Nil unless there
    /// are at most `limit` positions, in ascending order.
    private static func positions(
      in text: String, upTo limit: Int
    ) -> (weight: String, positions: [Int])? {
      guard text.hasSuffix("]") else { return text.contains("[") ? nil : (text, []) }
      let parts = text.dropLast().split(separator: "[", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      let fields = parts[1].split(separator: ",", omittingEmptySubsequences: false)
      let positions = fields.compactMap { Int($0) }
      guard positions.count == fields.count, positions.count <= limit, positions[0] >= 0,
        zip(positions, positions.dropFirst()).allSatisfy({ $0 < $1 })
      else { return nil }
      return (String(parts[0]), positions)
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

  /// The group with the positions of its elements: for each weight in `elements`, the first of
  /// these positions.
  public func choosing(_ elements: [String: [Int]]) -> ParameterGroup {
    let members = members.map { member -> Member in
      guard case .elements(let weight, let count, _) = member, let positions = elements[weight]
      else { return member }
      return .elements(
        weight: weight, count: count, positions: positions.prefix(count).sorted())
    }
    return ParameterGroup(
      name: name, kind: kind, layer: layer, parameterCount: parameterCount, members: members,
      exclusionClass: exclusionClass)
  }

  /// An upper limit on the parameter count of any model. A file with a larger number is invalid.
  public static let parameterLimit = 1 << 36

  /// Whether the group is always trained, which is so for the head.
  public var isFixed: Bool { kind == .head }
}
