import PEFTTensor

/// Rows grouped by prompt, so that each prompt is answered once and the answer is compared with all
/// of its references.
public struct PromptGroups: Hashable, Sendable {
  /// One prompt with the completions of all its rows.
  public struct Group: Hashable, Sendable {
    /// The prompt.
    public let prompt: String
    /// The completions in the order of the rows, including duplicates.
    public fileprivate(set) var references: [String]
    /// The line of the first row, from 1.
    public let line: Int
  }

  /// The groups in the order of their first rows.
  public let groups: [Group]

  /// Groups `examples`, whose texts are prompts and whose pairs are references. Two prompts are the
  /// same if their bytes are equal. O(length of all prompts).
  public init(_ examples: [TextExample]) {
    func references(of example: TextExample) -> [String] { example.pair.map { [$0] } ?? [] }
    var groups: [Group] = []
    var places: [UTF8Key: Int] = [:]
    for example in examples {
      let key = UTF8Key(example.text)
      if let place = places[key] {
        groups[place].references += references(of: example)
      } else {
        places[key] = groups.count
        groups.append(
          Group(
            prompt: example.text, references: references(of: example), line: example.line))
      }
    }
    self.groups = groups
  }

  /// The prompts in the order of the groups.
  public var prompts: [String] { groups.map(\.prompt) }

  /// The references in the order of the groups, as the metrics take them; each group has at least
  /// one if every row has one.
  public var references: [[String]] { groups.map(\.references) }
}
