/// The running scores of modules, and the selection under a budget that follows from them.
///
/// With the sensitivities I of all modules on a training and on a validation batch, the criterion
/// is I_train + cos(I_train, I_val) I_val. A module that is off has no sensitivity: its moving
/// average, with β = 0.85, is over the rounds in which it was on. A score is that average times the
/// probability of its gate, which is what an average that counts zero for the other rounds expects,
/// without its noise. A selection takes modules by descending score, each that still fits within
/// the budget.
package struct ModuleRanking {
  /// β.
  private static let decay = 0.85
  /// The number of earlier selections that a stable one is compared with.
  package static let window = 5
  /// The least cosine with each of them.
  package static let threshold = 0.85

  /// The scores; empty before the first round.
  package private(set) var scores: [Double] = []
  private var averages: [Double?] = []
  private var selections: [[Bool]] = []

  /// A ranking without scores.
  package init() {}

  /// Adds the sensitivities of a round, nil for modules that are off, and takes the probabilities
  /// of the gates.
  package mutating func add(
    training: [Double?], validation: [Double?], probabilities: [Double]
  ) {
    let agreement = Self.cosine(training.map { $0 ?? 0 }, validation.map { $0 ?? 0 })
    if averages.isEmpty { averages = training.map { _ in nil } }
    for index in averages.indices {
      guard let one = training[index], let other = validation[index] else { continue }
      let criterion = one + agreement * other
      averages[index] =
        averages[index].map {
          Self.decay * $0 + (1 - Self.decay) * criterion
        } ?? criterion
    }
    scores = zip(averages, probabilities).map { ($0 ?? 0) * $1 }
  }

  /// The indices by descending score; the earlier of equals first.
  package var order: [Int] {
    scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
  }

  /// The modules that fit within `budget`, taken by descending score.
  ///
  /// - Parameter sizes: the parameters of every module; nil for one that cannot be taken.
  package func selection(of sizes: [Int?], budget: Int) -> [Bool] {
    var (chosen, left) = ([Bool](repeating: false, count: sizes.count), budget)
    for index in order {
      guard let size = sizes[index], size <= left else { continue }
      chosen[index] = true
      left -= size
    }
    return chosen
  }

  /// Notes the selection of a round.
  ///
  /// - Returns: the mean of its cosines with the last five, if each of them is at least 0.85.
  package mutating func stability(of selection: [Bool]) -> Double? {
    let now = selection.map { $0 ? 1.0 : 0 }
    let cosines = selections.map { Self.cosine(now, $0.map { $0 ? 1 : 0 }) }
    selections = (selections + [selection]).suffix(Self.window)
    guard cosines.count == Self.window, cosines.allSatisfy({ $0 >= Self.threshold }) else {
      return nil
    }
    return cosines.reduce(0, +) / Double(cosines.count)
  }

  /// The modules of the lowest scores that together have at least `excess` parameters, but at least
  /// one stays.
  ///
  /// - Parameter sizes: the expected parameters of every module; nil for one that is gone.
  package func lowest(worth excess: Double, of sizes: [Double?]) -> [Int] {
    var (removed, sum) = ([Int](), 0.0)
    let present = order.filter { sizes[$0] != nil }
    for index in present.dropFirst().reversed() {
      guard sum < excess else { break }
      removed.append(index)
      sum += sizes[index] ?? 0
    }
    return removed
  }

  /// a · b / (‖a‖ ‖b‖); 0 if one of them is zero.
  static func cosine(_ a: [Double], _ b: [Double]) -> Double {
    func product(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let norms = (product(a, a) * product(b, b)).squareRoot()
    return norms > 0 ? product(a, b) / norms : 0
  }
}
