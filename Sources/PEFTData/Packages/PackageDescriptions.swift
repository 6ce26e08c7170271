import PEFTTensor

/// A classification task available on every Debian machine: predict the section of a software
/// package (`libs`, `games`, `science`, …) from its description.
///
/// The same index and the same permutations give the same examples, whatever the order of the
/// packages in the index.
public struct PackageDescriptions: Hashable, Sendable {
  /// One package of an index.
  public struct Record: Hashable, Sendable {
    /// The synopsis and, if the index has it, the long description, joined by single spaces.
    public let description: String
    /// The section without its area: `games` for `contrib/games`.
    public let section: String
    /// The package's debtags, such as `role::program`, in the order of the index; empty if it has
    /// none.
    public let tags: [String]
    /// The line of the index where the package's stanza begins, from 1.
    public let line: Int

    /// A package whose stanza is at `line`.
    public init(description: String, section: String, tags: [String] = [], line: Int) {
      self.description = description
      self.section = section
      self.tags = tags
      self.line = line
    }
  }

  /// The largest number of sections that become classes, the largest sections first.
  public static let sectionLimit = 10
  /// The largest number of examples per section.
  public static let examplesPerSection = 600
  /// The smallest section that becomes a class; a smaller one could not be split into tenths.
  public static let fewestPerSection = 10
  /// The smallest permitted number of examples.
  public static let fewestExamples = 200

  /// About 80 % of the examples of each section.
  public let train: [TextExample]
  /// About 10 %, at least one example from each section.
  public let dev: [TextExample]
  /// About 10 %, at least one example from each section.
  public let test: [TextExample]

  /// Chooses and splits examples from `records`, which came from the index `path`.
  ///
  /// If several packages share a description, only the one from the section that sorts first by
  /// name is kept. `permutation(n)` returns the numbers from 0 to n - 1 in random order. It is
  /// called once for each section, in order of name, to choose and split the section's examples,
  /// and then for the order of the training, dev and test examples. O(n log n).
  ///
  /// Throws `unsupported` if fewer than two sections or fewer than `fewestExamples` examples
  /// remain.
  public init(_ records: [Record], path: String, permutation: (Int) -> [Int]) throws(FileError) {
    var known = Set<String>()
    let distinct = records.sorted {
      ($0.description, $0.section) < ($1.description, $1.section)
    }.filter { known.insert($0.description).inserted }
    let sections = Dictionary(grouping: distinct, by: \.section)
      .filter { $0.value.count >= Self.fewestPerSection }
      .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
      .prefix(Self.sectionLimit).sorted { $0.key < $1.key }

    var parts: (train: [TextExample], dev: [TextExample], test: [TextExample]) = ([], [], [])
    for (section, members) in sections {
      let chosen = permutation(members.count).prefix(Self.examplesPerSection).map { index in
        TextExample(
          text: members[index].description, label: section, line: members[index].line)
      }
      let tenth = chosen.count / 10
      parts.dev += chosen[..<tenth]
      parts.test += chosen[tenth..<(2 * tenth)]
      parts.train += chosen[(2 * tenth)...]
    }
    let count = parts.train.count + parts.dev.count + parts.test.count
    guard sections.count > 1, count >= Self.fewestExamples else {
      throw FileError(
        .unsupported, path: path,
        reason: "only \(count) usable package descriptions in \(sections.count) sections, "
          + "\(Self.fewestExamples) in 2 are needed",
        remedy: "fetch the package index with: apt-get update; or train on a file of your own")
    }
    train = permutation(parts.train.count).map { parts.train[$0] }
    dev = permutation(parts.dev.count).map { parts.dev[$0] }
    test = permutation(parts.test.count).map { parts.test[$0] }
  }
}
