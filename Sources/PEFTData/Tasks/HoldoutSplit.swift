import PEFTTensor

/// Training rows in two parts: one to train on, and one held out as dev data.
///
/// Rows are held out at random, from every class in proportion: of m of n rows, a class loses the
/// floor or the ceiling of its share of the rows held out. Equal texts, and for completions equal
/// prompts, stay in one part, so that a class may lose fewer; at least one text is held out. Every
/// class keeps a row to train on. Of a single running text, the last lines are held out. Both parts
/// keep the order of the file.
///
/// The split depends on the rows and their number alone, not on the seed of a run, so that runs
/// with different seeds are compared on the same dev data.
public struct HoldoutSplit: Sendable {
  /// The rows to train on.
  public let train: [TextExample]
  /// The rows held out.
  public let dev: [TextExample]
  /// Whether every class lost its share of rows.
  public let isStratified: Bool

  /// Splits `examples`; nil if they are too few to hold out as many, or if all texts are equal.
  public init?(_ examples: [TextExample], _ holdout: Holdout, as task: any PredictionTask) {
    if task is LanguageModelling, examples.count == 1 {
      guard let (train, dev) = Self.lines(of: examples[0], holdout) else { return nil }
      (self.train, self.dev, isStratified) = ([train], [dev], false)
      return
    }
    let wanted = holdout.count(of: examples.count)
    guard wanted > 0, wanted < examples.count else { return nil }
    isStratified =
      task.classes != nil && !(task is MultiLabelClassification)
      && examples.allSatisfy { $0.label != nil }
    let strata = Self.strata(of: examples, isStratified: isStratified, isPrompt: task is Completion)
    let generator = SeededGenerator(seed: 0, purpose: "holdout")
    var isHeld = Array(repeating: false, count: examples.count)
    for (stratum, quota) in zip(strata, Self.quotas(of: strata.map(\.count), total: wanted)) {
      var order = generator.split(stratum.label)
      var left = quota
      // The last group of a stratum stays, whatever its size.
      for place in order.permutation(stratum.groups.count).dropLast()
      where stratum.groups[place].count <= left {
        for row in stratum.groups[place] { isHeld[row] = true }
        left -= stratum.groups[place].count
      }
    }
    if !isHeld.contains(true) { Self.holdSmallest(of: strata, &isHeld) }
    if isStratified { Self.restoreClasses(of: examples, in: strata, &isHeld) }
    train = examples.indices.filter { !isHeld[$0] }.map { examples[$0] }
    dev = examples.indices.filter { isHeld[$0] }.map { examples[$0] }
    if dev.isEmpty { return nil }
  }

  /// Groups of rows with the same text, of one class.
  struct Stratum {
    let label: String
    /// The rows of every group.
    var groups: [[Int]] = []
    /// The number of rows.
    var count: Int { groups.reduce(0) { $0 + $1.count } }
  }

  /// The strata in the order of their first rows. A group belongs to the class of its first row.
  static func strata(
    of examples: [TextExample], isStratified: Bool, isPrompt: Bool
  ) -> [Stratum] {
    var places: [String: Int] = [:]
    var groups: [[Int]] = []
    for (index, example) in examples.enumerated() {
      // No text holds a NUL character.
      let key = isPrompt ? example.text : example.text + "\0" + (example.pair ?? "")
      if let place = places[key] {
        groups[place].append(index)
      } else {
        places[key] = groups.count
        groups.append([index])
      }
    }
    var strata: [Stratum] = []
    var indices: [String: Int] = [:]
    for group in groups {
      let label = isStratified ? examples[group[0]].label ?? "" : ""
      let place = indices[label] ?? strata.count
      if place == strata.count {
        indices[label] = place
        strata.append(Stratum(label: label))
      }
      strata[place].groups.append(group)
    }
    return strata
  }

  /// The number of rows that each stratum loses: its share of `total`, rounded by the largest
  /// remainders, the first of equal ones first.
  private static func quotas(of counts: [Int], total: Int) -> [Int] {
    let all = counts.reduce(0, +)
    // Whole numbers, so that no rounding decides.
    var quotas = counts.map { $0 * total / all }
    let missing = total - quotas.reduce(0, +)
    let order = counts.indices.sorted {
      (counts[$1] * total % all, $0) < (counts[$0] * total % all, $1)
    }
    for place in order.prefix(missing) { quotas[place] += 1 }
    return quotas
  }

  /// Holds out the smallest group of the largest stratum that has several, where texts repeat so
  /// often that no group fits a share.
  private static func holdSmallest(of strata: [Stratum], _ isHeld: inout [Bool]) {
    let divisible = strata.filter { $0.groups.count > 1 }
    let largest = divisible.max { $0.count < $1.count }
    for row in largest?.groups.min(by: { $0.count < $1.count }) ?? [] { isHeld[row] = true }
  }

  /// Gives groups back whose rows have a label that is not left in training, as a text with two
  /// labels may have.
  private static func restoreClasses(
    of examples: [TextExample], in strata: [Stratum], _ isHeld: inout [Bool]
  ) {
    var left = Set(examples.indices.filter { !isHeld[$0] }.compactMap { examples[$0].label })
    for group in strata.flatMap(\.groups) where isHeld[group[0]] {
      let labels = group.compactMap { examples[$0].label }
      guard !left.isSuperset(of: labels) else { continue }
      for row in group { isHeld[row] = false }
      left.formUnion(labels)
    }
  }

  /// A running text without its last lines, and these; nil if there are too few lines.
  private static func lines(
    of example: TextExample, _ holdout: Holdout
  ) -> (train: TextExample, dev: TextExample)? {
    // A carriage return and a line feed are one character, but two scalars.
    var lines = example.text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      .map { Substring($0) }
    if lines.last?.isEmpty == true { lines.removeLast() }
    let wanted = holdout.count(of: lines.count)
    guard wanted > 0, wanted < lines.count else { return nil }
    func text(_ lines: ArraySlice<Substring>) -> String { lines.joined(separator: "\n") + "\n" }
    let kept = lines.count - wanted
    return (
      TextExample(text: text(lines[..<kept]), line: example.line),
      TextExample(text: text(lines[kept...]), line: example.line + kept)
    )
  }
}
