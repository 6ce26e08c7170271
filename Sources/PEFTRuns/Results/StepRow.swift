import PEFTTensor
import PEFTTrain

/// A row of `steps.csv`, in which a run records its steps.
struct StepRow {
  /// The name of the table.
  static let tableName = "steps.csv"
  /// The header of the table.
  static let header = "step,loss,learning_rate,gradient_norm,tokens"

  /// The step, from 1.
  let step: Int
  /// The mean loss of its batch.
  let loss: Double
  /// The number of tokens in its batch.
  let tokens: Int

  /// The row of a step, with the columns of `header`.
  static func text(_ report: StepReport) -> String {
    let numbers = report.numbers
    return "\(numbers.step),\(numbers.loss),\(numbers.learningRate),\(numbers.gradientNorm),"
      + "\(report.tokens)"
  }

  /// The largest number of steps of a run, and of tokens of a step; their product fits 64 bits.
  private static let largestCount = 1 << 31

  /// The rows of the table at `path`.
  ///
  /// Throws `malformed`, with the line, for a row that no run could have written.
  static func read(_ path: String) throws(FileError) -> [StepRow] {
    var lines = String(decoding: try FileContents.read(regularFile: path), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    let columns = lines.first?.split(separator: ",").map(String.init) ?? []
    var rows: [StepRow] = []
    for (index, line) in lines.enumerated().dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let place = "line \(index + 1)"
      let remedy = "restore the file, or begin again with `overwrite`"
      let numbers = CheckedNumbers(
        cells: cells.count == columns.count
          ? Dictionary(zip(columns, cells)) { first, _ in first } : [:],
        path: path, place: place, remedy: remedy)
      let step = try numbers.count("step", in: 1...largestCount)
      let last = rows.last?.step ?? 0
      guard step > last else {
        throw FileError(
          .malformed, path: path, place: place,
          reason: "step \(step) comes after step \(last)", remedy: remedy)
      }
      if columns.contains("seconds") { _ = try numbers.seconds("seconds") }
      rows.append(
        StepRow(
          step: step, loss: try numbers.number("loss"),
          tokens: try numbers.count("tokens", in: 0...largestCount)))
    }
    return rows
  }
}
