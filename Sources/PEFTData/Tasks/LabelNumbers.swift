/// Which labels of a file are numbers, and whether the others look like slips in a column of
/// scores.
struct LabelNumbers {
  /// Whether the labels are scores: every one a finite number, at least one of them not whole.
  let areScores: Bool
  /// The first row whose label is not a finite number where most are, at least one of them not
  /// whole; nil elsewhere.
  ///
  /// There a label such as `nan`, `n/a`, `1e400` or `1,5` is far more likely a slip than the name
  /// of a class. Most of the rows or most of the distinct labels will do. Numbers with a decimal
  /// comma, a minus of typography or space around them count among the many, though none of them is
  /// read as a number.
  let slip: TextExample?

  /// Looks at the labels of `examples`.
  init(_ examples: [TextExample]) {
    var rows: [String: Int] = [:]
    for example in examples { if let label = example.label { rows[label, default: 0] += 1 } }
    let exact = rows.keys.map(finiteNumber)
    areScores = exact.allSatisfy { $0 != nil } && exact.contains { $0 != $0?.rounded() }
    let alike = rows.compactMap { label, count in Self.number(like: label).map { ($0, count) } }
    let rowCount = alike.reduce(0) { $0 + $1.1 }
    let areMost = 2 * rowCount > examples.count || 2 * alike.count > rows.count
    let looksLikeScores = areMost && alike.contains { $0.0 != $0.0.rounded() }
    slip =
      looksLikeScores && !areScores
      ? examples.first { $0.label.map { finiteNumber($0) == nil } ?? false } : nil
  }

  /// What somebody who wrote `label` meant by it, where that is a finite number.
  private static func number(like label: String) -> Double? {
    if let number = finiteNumber(label) { return number }
    var text = label.filter { !$0.isWhitespace }
    text.replace("\u{2212}", with: "-")
    if !text.contains(".") { text.replace(",", with: ".") }
    return finiteNumber(text)
  }
}

/// The number that `label` is; nil for what is not finite, or no number.
func finiteNumber(_ label: String) -> Double? {
  Double(label).flatMap { $0.isFinite ? $0 : nil }
}
