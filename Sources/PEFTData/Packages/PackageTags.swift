import PEFTTensor

/// A task of several labels for a text, available on every Debian machine whose package index has
/// debtags: predict the tags of a software package (`role::program`, `implemented-in::c`, …) from
/// its description.
///
/// The same index and the same permutation give the same examples, whatever the order of the
/// packages in the index.
public struct PackageTags: Hashable, Sendable {
  /// The number of tags that become labels, the most frequent first.
  public static let tagLimit = 20
  /// The largest number of examples.
  public static let exampleLimit = 3000
  /// The smallest permitted number of examples.
  public static let fewestExamples = 200

  /// 80 % of the examples.
  public let train: [TextExample]
  /// 10 %.
  public let dev: [TextExample]
  /// 10 %.
  public let test: [TextExample]
  /// The tags that are labels, sorted.
  public let tags: [String]

  /// Chooses and splits examples from those of `records` that have tags. They came from the index
  /// `path`. Of packages with one description, the one with the first tags is kept.
  ///
  /// `permutation(n)` returns the numbers from 0 to n - 1 in random order; it is called once.
  ///
  /// Throws `unsupported` if fewer than two tags or fewer than `fewestExamples` examples remain.
  public init(
    _ records: [PackageDescriptions.Record], path: String, permutation: (Int) -> [Int]
  ) throws(FileError) {
    var known = Set<String>()
    let distinct = records.filter { !$0.tags.isEmpty }.sorted {
      ($0.description, $0.tags.joined(separator: ",")) < (
        $1.description, $1.tags.joined(separator: ",")
      )
    }.filter { known.insert($0.description).inserted }
    var counts: [String: Int] = [:]
    for tag in distinct.flatMap(\.tags) { counts[tag, default: 0] += 1 }
    let chosen = Set(
      counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.tagLimit).map(\.key))
    let examples = permutation(distinct.count).prefix(Self.exampleLimit).map { index in
      TextExample(
        text: distinct[index].description, labels: distinct[index].tags.filter(chosen.contains),
        line: distinct[index].line)
    }
    guard chosen.count > 1, examples.count >= Self.fewestExamples else {
      throw FileError(
        .unsupported, path: path,
        reason: "only \(examples.count) package descriptions with \(chosen.count) tags, "
          + "\(Self.fewestExamples) with 2 are needed",
        remedy: "fetch the package index with: apt-get update; or train on a file of your own")
    }
    let tenth = examples.count / 10
    dev = Array(examples[..<tenth])
    test = Array(examples[tenth..<2 * tenth])
    train = Array(examples[(2 * tenth)...])
    let left = Set(train.flatMap { $0.labels ?? [] })
    tags = chosen.intersection(left).sorted()
  }
}
