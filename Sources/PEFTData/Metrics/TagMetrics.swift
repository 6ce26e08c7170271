/// The agreement of predicted tags with true tags.
///
/// Tags such as `B-PER`, `I-PER` and `O` mark entities, spans of words with a type. An entity
/// counts as found if an entity with the same words and type is predicted. With TP, FP and FN over
/// all entities, precision is TP / (TP + FP), recall is TP / (TP + FN) and F1 = 2
/// TP / (2 TP + FP + FN); each is 0 if its denominator is 0. Spans are read as in the `conlleval`
/// script of the shared tasks: a tag `I-` that does not continue an entity begins one.
public struct TagMetrics: Hashable, Sendable {
  /// The fraction of words with the correct tag.
  public let accuracy: Double
  /// Precision, recall and F1 over entities; nil if the tags do not mark entities.
  public let entities: (precision: Double, recall: Double, f1: Double)?
  /// The mean loss that was passed in.
  public let loss: Double

  /// Compares `predictions` with `tags`; for each text, both have one tag for each word.
  public init(predictions: [[String]], tags: [[String]], marksEntities: Bool, loss: Double) {
    precondition(
      predictions.map(\.count) == tags.map(\.count), "TagMetrics: texts of different lengths")
    let pairs = zip(predictions, tags).flatMap { zip($0, $1) }
    accuracy = Double(pairs.count { $0 == $1 }) / Double(max(1, pairs.count))
    self.loss = loss
    guard marksEntities else {
      entities = nil
      return
    }
    var (found, predicted, actual) = (0, 0, 0)
    for (prediction, truth) in zip(predictions, tags) {
      let (ours, theirs) = (Set(Entity.all(in: prediction)), Set(Entity.all(in: truth)))
      found += ours.intersection(theirs).count
      predicted += ours.count
      actual += theirs.count
    }
    func ratio(_ part: Int, _ whole: Int) -> Double { Double(part) / Double(max(1, whole)) }
    entities = (ratio(found, predicted), ratio(found, actual), ratio(2 * found, predicted + actual))
  }

  /// The metrics by name in a fixed order: f1, precision and recall of entities, accuracy, loss.
  public var values: [(name: String, value: Double)] {
    let ofEntities = entities.map {
      [("f1", $0.f1), ("precision", $0.precision), ("recall", $0.recall)]
    }
    return (ofEntities ?? []) + [("accuracy", accuracy), ("loss", loss)]
  }

  /// Whether all numbers of both are equal.
  public static func == (first: TagMetrics, second: TagMetrics) -> Bool {
    first.values.map(\.value) == second.values.map(\.value)
  }

  /// Feeds the numbers to a hasher.
  public func hash(into hasher: inout Hasher) { hasher.combine(values.map(\.value)) }
}

/// A span of words with a type.
struct Entity: Hashable {
  let words: Range<Int>
  let type: Substring

  /// Whether each of `tags` is `O` or has one of the prefixes of the schemes IOB, IOE and IOBES.
  static func areMarked(by tags: some Sequence<String>) -> Bool {
    tags.allSatisfy { $0 == "O" || prefixes.contains($0.prefix(2)) }
  }

  private static let prefixes: Set<Substring> = ["B-", "I-", "E-", "S-"]

  /// The entities that the tags of a text mark.
  static func all(in tags: [String]) -> [Entity] {
    var entities: [Entity] = []
    var start: Int?
    var last: (mark: Character, type: Substring) = ("O", "")
    for (index, tag) in (tags + ["O"]).enumerated() {
      let mark = tag.first ?? "O"
      let type = mark == "O" ? "" : tag.dropFirst(2)
      let continues =
        start != nil && type == last.type && !"BSO".contains(mark) && !"ES".contains(last.mark)
      if !continues {
        if let start { entities.append(Entity(words: start..<index, type: last.type)) }
        start = mark == "O" ? nil : index
      }
      last = (mark, type)
    }
    return entities
  }
}
