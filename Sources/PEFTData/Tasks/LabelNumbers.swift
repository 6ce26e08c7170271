/// Tells whether the labels of a file are scores, and finds labels that look like slips in a column
/// of scores.
struct LabelNumbers {
  /// Whether the labels are scores: all are finite numbers, and at least one is not an integer.
  let areScores: Bool
  /// The first row whose label is not a finite number, if most labels are and at least one of them
  /// is not an integer; otherwise nil.
  ///
  /// Among such labels, a label such as `nan`, `n/a`, `1e400` or `1,5` is far more likely a slip
  /// than the name of a class. "Most" means most of the rows or most of the distinct labels.
  /// Numbers with a decimal comma, a typographic minus sign or surrounding spaces count among them,
  /// although they are not read as numbers.
  let slip: TextExample?

  /// Examines the labels of `examples`.
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

  /// The finite number that the author of `label` probably meant; nil if there is none.
  private static func number(like label: String) -> Double? {
    if let number = finiteNumber(label) { return number }
    var text = label.filter { !$0.isWhitespace }
    text.replace("\u{2212}", with: "-")
    if !text.contains(".") { text.replace(",", with: ".") }
    return finiteNumber(text)
  }
}

/// The finite number that `label` represents; otherwise nil.
func finiteNumber(_ label: String) -> Double? {
  Double(label).flatMap { $0.isFinite ? $0 : nil }
}
