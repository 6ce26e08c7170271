/// Low-rank adapters and single elements that compete with the weights themselves in a selection,
/// such as `lora:4,8,16,speft:64`.
///
/// For each rank, every group with matrices to adapt gets a candidate: a low-rank delta of that
/// rank on each of these matrices. Ranks share their factors: rank R takes the first R rows of A
/// and columns of B of the largest rank. With one scale s for all ranks, a single attached delta of
/// the largest rank therefore serves to probe all of them.
///
/// For each number of elements, every such group gets a candidate as well: the elements of each of
/// these matrices with the largest gradients; see `SparseTuning`. The k elements of a candidate are
/// the first k of the order that a larger one has.
public struct AdapterCandidates: Hashable, Sendable, CustomStringConvertible {
  /// The ranks, ascending.
  public private(set) var ranks: [Int]
  /// The numbers of elements of each matrix, ascending.
  public private(set) var elements: [Int]
  /// The last components of the module paths to adapt; nil adapts every linear weight of the
  /// backbone.
  public private(set) var targets: [String]?
  /// Fewer targets, for which every group gets a second candidate of each rank; nil for none. With
  /// those that users of LoRA usually adapt, the usual choice is one of the candidates.
  public var narrowTargets: [String]?

  /// Creates candidates of each rank in `ranks` and each number of elements in `elements`. There
  /// must be one at least, and all must be positive; duplicates count once.
  public init(ranks: [Int], elements: [Int] = [], targets: [String]? = nil) {
    precondition(
      !(ranks + elements).isEmpty && (ranks + elements).allSatisfy { $0 > 0 },
      "AdapterCandidates: ranks \(ranks), elements \(elements)")
    self.ranks = Set(ranks).sorted()
    self.elements = Set(elements).sorted()
    self.targets = targets
  }

  /// The same candidates without low-rank deltas. None may be left.
  package var withoutRanks: AdapterCandidates {
    var candidates = self
    candidates.ranks = []
    return candidates
  }

  /// The same candidates on the matrices that `target` alone names.
  package func on(_ target: String) -> AdapterCandidates {
    var candidates = self
    candidates.targets = [target]
    return candidates
  }

  /// The largest rank that can be parsed.
  package static let rankLimit = 1024

  /// The largest number of elements that can be parsed.
  package static let elementLimit = 1 << 24

  /// Parses `lora:4,8,16`, `lora:4,8,speft:64`, or `lora:8@query+value` for only some matrices.
  /// Returns nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return nil }
    var (ranks, elements): ([Int], [Int]) = ([], [])
    var family: Substring?
    for item in parts[0].split(separator: ",", omittingEmptySubsequences: false) {
      let words = item.split(separator: ":", omittingEmptySubsequences: false)
      guard words.count <= 2, let last = words.last else { return nil }
      if words.count == 2 { family = words[0] }
      switch (family, Int(last)) {
      case ("lora", let rank?) where (1...Self.rankLimit).contains(rank): ranks.append(rank)
      case ("speft", let count?) where (1...Self.elementLimit).contains(count):
        elements.append(count)
      default: return nil
      }
    }
    let targets = parts.dropFirst().first?
      .split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard targets?.allSatisfy({ !$0.isEmpty && !$0.contains { ",:".contains($0) } }) ?? true else {
      return nil
    }
    self.init(ranks: ranks, elements: elements, targets: targets)
  }

  /// The text from which this value can be parsed.
  public var description: String {
    let families = [("lora", ranks), ("speft", elements)].filter { !$0.1.isEmpty }
    return families.map { name, sizes in
      name + ":" + sizes.map { "\($0)" }.joined(separator: ",")
    }.joined(separator: ",") + (targets.map { "@" + $0.joined(separator: "+") } ?? "")
  }

  /// Adds the candidate with `count` elements of each matrix, if it is not there.
  public mutating func insert(elements count: Int) {
    precondition(count > 0, "AdapterCandidates: \(count) elements")
    elements = Set(elements + [count]).sorted()
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

  /// The largest rank, which is the one to attach; nil without adapters.
  public var largestRank: Int? { ranks.last }
}
