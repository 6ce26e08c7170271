import PEFTNetwork
import PEFTTensor

/// How often each answer occurs in data: all that is needed for an answer that reads no text.
public enum TargetCounts: Hashable, Sendable {
  /// The number of rows of each of the C classes.
  case classes([Int])
  /// The number of rows with each of the C labels, and of all rows.
  case labels([Int], rows: Int)
  /// The number of values, and their mean.
  case values(count: Int, mean: Double)
  /// The number of occurrences of each token that occurs, in a vocabulary of this size.
  case tokens([Int32: Int], vocabularySize: Int)

  /// The counts of `targets`.
  ///
  /// - Parameters:
  ///   - classCount: C, the number of classes; ignored for other targets.
  ///   - vocabularySize: the number of tokens of the vocabulary; ignored for other targets.
  public init(_ targets: Targets, classCount: Int, vocabularySize: Int) {
    switch targets.kind {
    case .classes(let classes):
      var counts = [Int](repeating: 0, count: classCount)
      for index in classes { counts[index] += 1 }
      self = .classes(counts)
    case .labelSets(let sets):
      var counts = [Int](repeating: 0, count: classCount)
      for index in sets.joined() { counts[index] += 1 }
      self = .labels(counts, rows: sets.count)
    case .values(let values):
      let count = Double(max(1, values.count))
      self = .values(count: values.count, mean: values.reduce(0) { $0 + $1 / count })
    case .tokens(let tokens):
      self = .tokens(
        tokens.reduce(into: [:]) { $0[$1, default: 0] += 1 },
        vocabularySize: vocabularySize)
    }
  }

  /// The number of rows that were counted.
  public var total: Int {
    switch self {
    case .classes(let counts): counts.reduce(0, +)
    case .labels(_, let rows): rows
    case .values(let count, _): count
    case .tokens(let counts, _): counts.values.reduce(0, +)
    }
  }

  /// The class with the most rows, the first of several; nil without classes.
  public var majority: Int? {
    guard case .classes(let counts) = self, let most = counts.max() else { return nil }
    return counts.firstIndex(of: most)
  }
}

extension TargetCounts {
  /// `{"classes":[…]}`, `{"labels":[…],"rows":…}`, `{"count":…,"mean":…}`, or
  /// `{"tokens":[ids],"counts":[…],"vocabulary":…}`.
  public var json: JSONValue {
    switch self {
    case .classes(let counts):
      return .object(["classes": .array(counts.map { .integer($0) })])
    case .labels(let counts, let rows):
      return .object([
        "labels": .array(counts.map { .integer($0) }), "rows": .integer(rows),
      ])
    case .values(let count, let mean):
      return .object(["count": .integer(count), "mean": .number(mean)])
    case .tokens(let counts, let vocabularySize):
      let sorted = counts.sorted { $0.key < $1.key }
      return .object([
        "tokens": .array(sorted.map { .integer(Int($0.key)) }),
        "counts": .array(sorted.map { .integer($0.value) }),
        "vocabulary": .integer(vocabularySize),
      ])
    }
  }

  /// The counts that `json` describes; nil for anything that `json` could not have written.
  public init?(json: JSONValue) {
    func counts(_ key: String) -> [Int]? {
      guard let array = json[key]?.array else { return nil }
      let numbers = array.compactMap(\.integer).filter { (0...1 << 48).contains($0) }
      return numbers.count == array.count ? numbers : nil
    }
    if let classes = counts("classes"), classes.count < 1 << 24 {
      self = .classes(classes)
    } else if let labels = counts("labels"), labels.count < 1 << 24,
      let rows = json["rows"]?.integer, (0...1 << 48).contains(rows),
      labels.allSatisfy({ $0 <= rows })
    {
      self = .labels(labels, rows: rows)
    } else if let count = json["count"]?.integer, (0...1 << 48).contains(count),
      let mean = json["mean"]?.double, mean.isFinite
    {
      self = .values(count: count, mean: mean)
    } else if let tokens = counts("tokens"), let counts = counts("counts"),
      let size = json["vocabulary"]?.integer, (1...1 << 30).contains(size),
      tokens.count == counts.count, Set(tokens).count == tokens.count,
      tokens.allSatisfy({ $0 < size }), counts.allSatisfy({ $0 > 0 })
    {
      self = .tokens(
        Dictionary(uniqueKeysWithValues: zip(tokens.map(Int32.init), counts)),
        vocabularySize: size)
    } else {
      return nil
    }
  }
}
