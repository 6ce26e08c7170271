/// Low-rank adapters that compete with the weights themselves in a selection, such as
/// `lora:4,8,16`.
///
/// For each rank, every group with matrices to adapt gets a candidate: a low-rank delta of that
/// rank on each of these matrices. Ranks share their factors: rank R takes the first R rows of A
/// and columns of B of the largest rank. With one scale s for all ranks, a single attached delta of
/// the largest rank therefore serves to probe all of them.
public struct AdapterCandidates: Hashable, Sendable, CustomStringConvertible {
  /// The ranks, ascending.
  public let ranks: [Int]
  /// The last components of the module paths to adapt; nil adapts every linear weight of the
  /// backbone.
  public let targets: [String]?
  /// Fewer targets, for which every group gets a second candidate of each rank; nil for none. With
  /// those that users of LoRA usually adapt, the usual choice is one of the candidates.
  public var narrowTargets: [String]?

  /// Creates candidates of each rank in `ranks`. Ranks must be positive; duplicates count once.
  public init(ranks: [Int], targets: [String]? = nil) {
    precondition(!ranks.isEmpty && ranks.allSatisfy { $0 > 0 }, "AdapterCandidates: ranks \(ranks)")
    self.ranks = Set(ranks).sorted()
    self.targets = targets
  }

  /// The largest rank that can be parsed.
  package static let rankLimit = 1024

  /// Parses `lora:4,8,16`, or `lora:8@query+value` to adapt only some matrices. Returns nil for
  /// anything else.
  public init?(_ text: String) {
    guard text.hasPrefix("lora:") else { return nil }
    let parts = text.dropFirst("lora:".count).split(
      separator: "@", omittingEmptySubsequences: false)
    let ranks = parts[0].split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0) ?? 0
    }
    guard parts.count <= 2, ranks.allSatisfy((1...Self.rankLimit).contains) else { return nil }
    guard parts.count == 2 else {
      self.init(ranks: ranks)
      return
    }
    let targets = parts[1].split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard !targets.contains("") else { return nil }
    self.init(ranks: ranks, targets: targets)
  }

  /// The text from which this value can be parsed.
  public var description: String {
    "lora:" + ranks.map { "\($0)" }.joined(separator: ",")
      + (targets.map { "@" + $0.joined(separator: "+") } ?? "")
  }

  /// Whether `targets` include the weight called `name`. Kinds are not considered.
  public func adapts(_ name: String) -> Bool {
    Self.adapts(name, targets)
  }

  /// Whether the narrow targets include the weight called `name`.
  public func adaptsNarrowly(_ name: String) -> Bool {
    narrowTargets != nil && adapts(name) && Self.adapts(name, narrowTargets)
  }

  private static func adapts(_ name: String, _ targets: [String]?) -> Bool {
    guard let targets else { return true }
    let path = name.split(separator: ".").dropLast().joined(separator: ".")
    return targets.contains { path == $0 || path.hasSuffix("." + $0) }
  }

  /// The largest rank, which is the one to attach.
  public var largestRank: Int { ranks[ranks.count - 1] }
}
