/// The agreement of predicted sets of labels with true sets, by the definitions of scikit-learn.
///
/// With TP, FP and FN of a label, F1 = 2 TP / (2 TP + FP + FN), and 0 if the denominator is 0.
public struct MultiLabelMetrics: Hashable, Sendable {
  /// F1 of the counts summed over the labels.
  public let microF1: Double
  /// The unweighted mean of F1 over all labels.
  public let macroF1: Double
  /// The fraction of rows whose predicted set is exactly the true one.
  public let exactMatch: Double
  /// The label ranking average precision: for every true label of a row, the share of true labels
  /// among those with scores at least as high; the mean over the row's true labels, then over the
  /// rows. A row without true labels counts as 1. It does not depend on thresholds.
  public let rankingPrecision: Double
  /// The mean loss that was passed in.
  public let loss: Double?

  /// Compares predicted with true sets.
  ///
  /// - Parameters:
  ///   - scores: n > 0 rows of `labelCount` scores each, row after row.
  ///   - thresholds: the score from which each label is predicted.
  ///   - labels: the true labels of each row, indices in 0..<labelCount.
  ///
  /// O(n · labelCount · the number of labels of a row).
  public init(
    scores: [Double], thresholds: [Double], labels: [[Int]], loss: Double? = nil
  ) {
    let width = thresholds.count
    precondition(
      !labels.isEmpty && scores.count == labels.count * width,
      "MultiLabelMetrics: \(scores.count) scores for \(labels.count) rows of \(width) labels")
    var (hits, predicted, actual) = (
      [Int](repeating: 0, count: width), [Int](repeating: 0, count: width),
      [Int](repeating: 0, count: width)
    )
    var (exact, precision) = (0, 0.0)
    for (row, present) in labels.enumerated() {
      let own = scores[row * width..<(row + 1) * width]
      var isPresent = [Bool](repeating: false, count: width)
      for index in present { isPresent[index] = true }
      var isExact = true
      for (index, score) in own.enumerated() {
        let isPredicted = score >= thresholds[index]
        if isPredicted { predicted[index] += 1 }
        if isPresent[index] { actual[index] += 1 }
        if isPredicted, isPresent[index] { hits[index] += 1 }
        isExact = isExact && isPredicted == isPresent[index]
      }
      if isExact { exact += 1 }
      precision += Self.rankingPrecision(Array(own), isPresent)
    }
    func f1(_ hits: Int, _ predicted: Int, _ actual: Int) -> Double {
      predicted + actual == 0 ? 0 : 2 * Double(hits) / Double(predicted + actual)
    }
    microF1 = f1(hits.reduce(0, +), predicted.reduce(0, +), actual.reduce(0, +))
    macroF1 =
      (0..<width).reduce(0) { $0 + f1(hits[$1], predicted[$1], actual[$1]) } / Double(width)
    exactMatch = Double(exact) / Double(labels.count)
    rankingPrecision = precision / Double(labels.count)
    self.loss = loss
  }

  private static func rankingPrecision(_ scores: [Double], _ isPresent: [Bool]) -> Double {
    let present = scores.indices.filter { isPresent[$0] }
    guard !present.isEmpty, present.count < scores.count else { return 1 }
    let sum = present.reduce(0.0) { sum, label in
      var (all, right) = (0, 0)
      for index in scores.indices where scores[index] >= scores[label] {
        all += 1
        if isPresent[index] { right += 1 }
      }
      return sum + Double(right) / Double(all)
    }
    return sum / Double(present.count)
  }

  /// The metrics by name in a fixed order: microF1, macroF1, exactMatch, rankingPrecision, loss.
  public var values: [(name: String, value: Double)] {
    [
      ("microF1", microF1), ("macroF1", macroF1), ("exactMatch", exactMatch),
      ("rankingPrecision", rankingPrecision),
    ] + (loss.map { [("loss", $0)] } ?? [])
  }
}

extension MultiLabelMetrics {
  /// For each label, the threshold at which its F1 is highest on these rows: the midpoint between
  /// two neighbouring scores. Of equal values of F1, the threshold nearest to one half is taken. A
  /// label that no row has keeps one half.
  ///
  /// The arguments are those of `init`. O(n log n) for each label.
  public static func bestThresholds(scores: [Double], labels: [[Int]], labelCount: Int)
    -> [Double]
  {
    var members = [[Int]](repeating: [], count: labelCount)
    for (row, present) in labels.enumerated() {
      for index in present { members[index].append(row) }
    }
    return (0..<labelCount).map { index in
      let rows = Set(members[index])
      guard !rows.isEmpty else { return 0.5 }
      let sorted = labels.indices.map { (score: scores[$0 * labelCount + index], row: $0) }
        .sorted { ($1.score, $0.row) < ($0.score, $1.row) }
      var (hits, best, found) = (0, -1.0, 0.5)
      for (place, item) in sorted.enumerated() {
        if rows.contains(item.row) { hits += 1 }
        let next = place + 1 < sorted.count ? sorted[place + 1].score : 0
        guard next < item.score else { continue }
        let f1 = 2 * Double(hits) / Double(place + 1 + rows.count)
        let threshold = (item.score + next) / 2
        if f1 > best || f1 == best && abs(threshold - 0.5) < abs(found - 0.5) {
          (best, found) = (f1, threshold)
        }
      }
      return found
    }
  }
}
