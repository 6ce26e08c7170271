/// Adapters to consider beside the weights themselves, `lora:4,8,16`.
///
/// One group for each rank and each group that has matrices to adapt: a low-rank addition of that
/// rank on every such matrix of the group. Ranks share their factors: rank R takes the first R rows
/// of A and columns of B of the largest rank, so that with one scale s for all ranks one attached
/// addition of the largest rank serves to probe all of them.
public struct AdapterCandidates: Hashable, Sendable, CustomStringConvertible {
  /// The ranks, ascending.
  public let ranks: [Int]
  /// The last components of the module paths to adapt; nil adapts every linear
  /// weight of the backbone.
  public let targets: [String]?

  /// Additions of each rank in `ranks`, which must be positive; duplicates count once.
  public init(ranks: [Int], targets: [String]? = nil) {
    precondition(!ranks.isEmpty && ranks.allSatisfy { $0 > 0 }, "AdapterCandidates: ranks \(ranks)")
    self.ranks = Set(ranks).sorted()
    self.targets = targets
  }

  /// The most that a rank may be.
  package static let rankLimit = 1024

  /// Parses `lora:4,8,16`, or `lora:8@query+value` for some matrices only; nil for anything else.
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

  /// The text that parses to it.
  public var description: String {
    "lora:" + ranks.map { "\($0)" }.joined(separator: ",")
      + (targets.map { "@" + $0.joined(separator: "+") } ?? "")
  }

  /// Whether the weight called `name` is among the matrices to adapt, kinds aside.
  public func adapts(_ name: String) -> Bool {
    guard let targets else { return true }
    let path = name.split(separator: ".").dropLast().joined(separator: ".")
    return targets.contains { path == $0 || path.hasSuffix("." + $0) }
  }

  /// The largest rank: the one to attach.
  public var largestRank: Int { ranks[ranks.count - 1] }
}
