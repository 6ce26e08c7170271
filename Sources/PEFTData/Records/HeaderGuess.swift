import PEFTTensor

/// Whether the first row of a table looks like a header, although none of its cells is a known name
/// and the user has not said whether there is one.
///
/// Its cells must look like names: one to three short words of letters, digits and underscores, all
/// different, the first character a letter. It must also differ from the other rows. With labels,
/// its label occurs nowhere else, and either the other labels repeat or the others have only
/// numbers in one column. Without labels, all other texts have more words.
enum HeaderGuess {
  /// Throws `malformed` if the first of `examples`, read from `cells`, looks like a header.
  ///
  /// - Parameter advice: the columns that look like texts and a label.
  static func check(
    _ cells: [String], of examples: [TextExample], columns: TableColumns, path: String,
    advice: @autoclosure () -> ColumnAdvice?
  ) throws(FileError) {
    guard let first = examples.first, examples.count > 2, cells.allSatisfy(isName),
      Set(cells.map { $0.lowercased() }).count == cells.count
    else { return }
    let others = examples.dropFirst()
    if let label = first.label {
      let labels = others.compactMap(\.label)
      func areNumbers(_ cells: [String]) -> Bool { cells.allSatisfy { finiteNumber($0) != nil } }
      let repeats = 2 * Set(labels).count <= labels.count
      guard !labels.contains(label),
        repeats || areNumbers(labels) || areNumbers(others.map(\.text))
      else { return }
    } else {
      guard others.allSatisfy({ wordCount($0.text) > wordCount(first.text) }) else { return }
    }
    let guessed = [
      ("text", columns.text.first), ("pair", columns.pair.first), ("label", columns.label),
    ].compactMap { role, place in place.map { "\(role)=\($0 + 1)" } }.joined(separator: ",")
    let advice = advice()
    let roles = advice?.hasHeader == true ? advice?.selection : nil
    throw FileError(
      .malformed, path: path, place: "line \(first.line)",
      reason: "it looks like a header: " + cells.map { "\"\($0)\"" }.joined(separator: ", "),
      remedy: "say `columns` \(roles ?? guessed + ",header=yes"), or header=no if it is a row"
        + (roles == nil ? "" : advice?.pairs ?? ""))
  }

  /// Whether a cell looks like the name of a column.
  static func isName(_ cell: String) -> Bool {
    cell.utf8.count <= 40 && wordCount(cell) <= 3
      && cell.wholeMatch(of: /[A-Za-z](?:[A-Za-z0-9_ .\-]*[A-Za-z0-9])?/) != nil
  }

  /// The number of words of a cell.
  static func wordCount(_ text: String) -> Int {
    text.split(whereSeparator: \.isWhitespace).count
  }
}
