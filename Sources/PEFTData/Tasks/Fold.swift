import PEFTTensor

/// One of the parts of a cross-validation: it is tested on, and all others are trained on.
public struct Fold: Hashable, Sendable {
  /// Its number, from 1.
  public let number: Int
  /// The number of folds.
  public let count: Int
  /// The seed of the division.
  public let seed: UInt64

  /// The fold `number` of `count`, of the division that `seed` gives.
  public init(_ number: Int, of count: Int, seed: UInt64) {
    precondition(count > 1 && (1...count).contains(number), "Fold: \(number) of \(count)")
    (self.number, self.count, self.seed) = (number, count, seed)
  }

  /// The fold as JSON.
  public var json: JSONValue {
    .object([
      "number": .integer(number), "of": .integer(count), "seed": .string(String(seed)),
    ])
  }
}

extension HoldoutSplit {
  /// The rows of all folds but one to train on, and that fold as `dev`; nil for running text, and
  /// if fewer texts differ than there are folds.
  ///
  /// Rows are dealt to the folds in turn, those of each class for themselves, so that every fold
  /// has its share of each class up to one text. Equal texts, and for completions equal prompts,
  /// are in one fold.
  public init?(_ examples: [TextExample], fold: Fold, as task: any PredictionTask) {
    guard !(task is LanguageModelling) else { return nil }
    let isStratified =
      task.classes != nil && !(task is MultiLabelClassification)
      && examples.allSatisfy { $0.label != nil }
    let strata = Self.strata(of: examples, isStratified: isStratified, isPrompt: task is Completion)
    let generator = SeededGenerator(seed: fold.seed, purpose: "folds")
    var isHeld = Array(repeating: false, count: examples.count)
    var dealt = 0
    for stratum in strata {
      var order = generator.split(stratum.label)
      for place in order.permutation(stratum.groups.count) {
        if dealt % fold.count == fold.number - 1 {
          for row in stratum.groups[place] { isHeld[row] = true }
        }
        dealt += 1
      }
    }
    guard dealt >= fold.count else { return nil }
    train = examples.indices.filter { !isHeld[$0] }.map { examples[$0] }
    dev = examples.indices.filter { isHeld[$0] }.map { examples[$0] }
    self.isStratified = isStratified
  }
}
