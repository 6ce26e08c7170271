import PEFTTensor

/// How often a model answered each class for the rows of each true class.
public struct ConfusionMatrix: Hashable, Sendable {
  /// The numbers of one class: TP of its rows were answered correctly.
  public struct ClassScore: Hashable, Sendable {
    /// The number of its rows, TP + FN.
    public let support: Int
    /// The number of rows for which it was answered, TP + FP.
    public let answered: Int
    /// TP / (TP + FP); 0 if it was never answered.
    public let precision: Double
    /// TP / (TP + FN); 0 if it has no rows.
    public let recall: Double
    /// 2 TP / (2 TP + FP + FN); 0 if the denominator is 0.
    public let f1: Double

    init(correct: Int, support: Int, answered: Int) {
      func ratio(_ part: Int, _ whole: Int) -> Double {
        whole == 0 ? 0 : Double(part) / Double(whole)
      }
      self.support = support
      self.answered = answered
      precision = ratio(correct, answered)
      recall = ratio(correct, support)
      f1 = ratio(2 * correct, support + answered)
    }
  }

  /// The number of classes, C.
  public let classCount: Int
  /// The counts that are not 0, by true class and answer.
  private let counts: [Place: Int]

  private struct Place: Hashable {
    let label: Int
    let answer: Int
  }

  /// Counts `answers` to rows whose true classes are `labels`, both of length n with classes in
  /// 0..<classCount. O(n).
  public init(answers: [Int], labels: [Int], classCount: Int) {
    precondition(
      answers.count == labels.count,
      "ConfusionMatrix: \(answers.count) answers, \(labels.count) labels")
    precondition(
      (answers + labels).allSatisfy((0..<classCount).contains),
      "ConfusionMatrix: a class outside 0..<\(classCount)")
    self.classCount = classCount
    counts = zip(answers, labels).reduce(into: [:]) {
      $0[Place(label: $1.1, answer: $1.0), default: 0] += 1
    }
  }

  /// The number of rows of the class `label` for which `answer` was answered.
  public subscript(label: Int, answer: Int) -> Int {
    counts[Place(label: label, answer: answer)] ?? 0
  }

  /// The scores of each class, C of them.
  public var classes: [ClassScore] {
    var support = [Int](repeating: 0, count: classCount)
    var answered = support
    for (place, count) in counts {
      support[place.label] += count
      answered[place.answer] += count
    }
    return (0..<classCount).map {
      ClassScore(correct: self[$0, $0], support: support[$0], answered: answered[$0])
    }
  }

  /// The only class that was answered; nil if there are several, or no rows.
  public var onlyAnswer: Int? {
    let answers = Set(counts.keys.map(\.answer))
    return answers.count == 1 ? answers.first : nil
  }

  /// The `limit` classes with the most rows, in the order of the classes.
  public func largest(_ limit: Int) -> [Int] {
    let classes = classes
    return (0..<classCount).sorted {
      (classes[$1].support, $0) < (classes[$0].support, $1)
    }.prefix(limit).sorted()
  }

  /// The C rows of the matrix, one for each true class, with C counts each.
  public var rows: [[Int]] {
    (0..<classCount).map { label in (0..<classCount).map { self[label, $0] } }
  }
}

extension ConfusionMatrix {
  /// `[[true class, answer, count], …]` in ascending order, without zeros.
  public var json: JSONValue {
    .array(
      counts.sorted { ($0.key.label, $0.key.answer) < ($1.key.label, $1.key.answer) }.map {
        .array([.integer($0.key.label), .integer($0.key.answer), .integer($0.value)])
      })
  }

  /// The matrix that `json` describes; nil for anything that `json` could not have written.
  public init?(json: JSONValue, classCount: Int) {
    guard let items = json.array else { return nil }
    var counts: [Place: Int] = [:]
    for item in items {
      let numbers = item.array?.compactMap(\.integer) ?? []
      guard numbers.count == 3, (0..<classCount).contains(numbers[0]),
        (0..<classCount).contains(numbers[1]), (1...1 << 40).contains(numbers[2]),
        counts.updateValue(numbers[2], forKey: Place(label: numbers[0], answer: numbers[1])) == nil
      else { return nil }
    }
    self.classCount = classCount
    self.counts = counts
  }
}
