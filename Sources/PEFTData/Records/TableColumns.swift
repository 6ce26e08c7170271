import PEFTTensor

/// The positions, from 0, of the text, its pair, the label and the row number in the rows of a
/// table.
struct TableColumns: Hashable {
  /// The columns of the text; several are joined.
  let text: [Int]
  /// The columns of the second text; empty if there is none.
  let pair: [Int]
  let label: Int?
  let id: Int?
  /// The number of cells that every row must have.
  let width: Int
  /// Whether the first row is a header.
  let hasHeader: Bool

  /// Finds the columns by the user's selection, else by the names in the first row, else by their
  /// number: one column is the text, two are text and label, three are two texts and the label.
  ///
  /// The first row is a header if all its cells, or at least two of them, are known names. A row
  /// with one known name among several cells is ambiguous and is refused.
  ///
  /// - Parameter advice: the columns that look like texts and a label, for the remedy of an error.
  init(
    firstRow: DelimitedRecord, selection: ColumnSelection?, path: String,
    advice: @autoclosure () -> ColumnAdvice?
  ) throws(FileError) {
    let names = firstRow.cells.map { $0.lowercased() }
    let place = "line \(firstRow.line)"
    width = names.count
    if let header = selection?.header {
      hasHeader = header
    } else {
      let known = KnownColumns.count(in: names)
      guard known != 1 || names.count == 1 else {
        let name = names.first { KnownColumns.count(in: [$0]) == 1 } ?? ""
        throw FileError(
          .malformed, path: path, place: place,
          reason: "this is a header or a row: \"\(name)\" is a column name, the rest is not",
          remedy: "say which with `columns`, for example text=1,label=2,header=yes")
      }
      hasHeader = known > 0
    }

    if let selection {
      func positions(_ columns: [ColumnSelection.Column]) throws(FileError) -> [Int] {
        try columns.map { column throws(FileError) in
          try Self.position(of: column, in: firstRow, path: path)
        }
      }
      text = try positions(selection.text)
      pair = try positions(selection.pair)
      label = try positions([selection.label].compactMap(\.self)).first
      id = try positions([selection.id].compactMap(\.self)).first
      try checkRoles(selection, names: names, path: path, place: place)
      let all = text + pair + [label, id].compactMap(\.self)
      guard Set(all).count == all.count else {
        throw FileError(
          .malformed, path: path, place: place, reason: "one column is selected for two purposes",
          remedy: "give every part of `columns` a column of its own")
      }
    } else if hasHeader {
      func positions(_ wanted: [String]) -> [Int] { wanted.compactMap(names.firstIndex) }
      guard let found = KnownColumns.texts(among: names) else {
        let trouble = KnownColumns.trouble(with: names)
        throw FileError(
          .malformed, path: path, place: place, reason: trouble.reason, remedy: trouble.remedy)
      }
      text = positions(found.text)
      pair = positions(found.pair)
      label = positions(KnownColumns.labels).first
      id = positions(KnownColumns.rowNumbers).first
    } else {
      guard width <= 3 else {
        let advice = advice()
        throw FileError(
          .malformed, path: path, place: place,
          reason: "\(width) columns without a header do not tell what they are",
          remedy: "give the columns with `columns`, "
            + (advice.map { "by the look of them \($0.selection)\($0.pairs)" }
              ?? "for example text=1,label=2"))
      }
      text = [0]
      pair = width == 3 ? [1] : []
      label = width > 1 ? width - 1 : nil
      id = nil
    }
  }

  /// Throws `malformed` if columns were selected by number whose names in the header say that they
  /// have the opposite role: a selection for another file.
  private func checkRoles(
    _ selection: ColumnSelection, names: [String], path: String, place: String
  ) throws(FileError) {
    guard hasHeader, selection.header == nil else { return }
    let texts = (text + pair).filter { KnownColumns.labels.contains(names[$0]) }
    let labels = [label].compactMap(\.self).filter { KnownColumns.texts.contains(names[$0]) }
    guard let column = (texts + labels).first else { return }
    throw FileError(
      .malformed, path: path, place: place,
      reason: "column \(column + 1) is selected as \(texts.isEmpty ? "the label" : "a text"), and "
        + "its name is \"\(names[column])\"",
      remedy: "correct `columns` for this file, or add header=yes if it is meant")
  }

  /// The columns, by name and number: `text = column 1 "review", label = column 2 "stars"`; then
  /// the names of columns that are not used.
  func description(header: [String]?) -> String {
    let roles = [
      ("text", text), ("pair", pair), ("label", label.map { [$0] } ?? []),
      ("id", id.map { [$0] } ?? []),
    ]
    let used = roles.filter { !$0.1.isEmpty }.map { role, places in
      "\(role) = column\(places.count > 1 ? "s" : "") "
        + places.map { place in "\(place + 1)" + (header.map { " \"\($0[place])\"" } ?? "") }
        .joined(separator: " + ")
    }.joined(separator: ", ")
    let others = (header ?? []).enumerated().filter { index, _ in
      !roles.contains { $0.1.contains(index) }
    }.map { "\"\($0.element)\"" }
    guard !others.isEmpty else { return used }
    return used + " (not used: " + others.prefix(10).joined(separator: ", ")
      + (others.count > 10 ? ", …)" : ")")
  }

  private static func position(
    of column: ColumnSelection.Column, in row: DelimitedRecord, path: String
  ) throws(FileError) -> Int {
    switch column {
    case .number(let number):
      guard number <= row.cells.count else {
        throw FileError(
          .malformed, path: path, place: "line \(row.line)",
          reason: "column \(number) is selected and the table has \(row.cells.count)",
          remedy: "correct `columns`; columns are numbered from 1")
      }
      return number - 1
    case .name(let name):
      let matches = row.cells.indices.filter { row.cells[$0] == name }
      guard matches.count == 1 else {
        throw FileError(
          .malformed, path: path, place: "line \(row.line)",
          reason: matches.isEmpty
            ? "no column is named \"\(name)\" here" : "the name \"\(name)\" occurs twice here",
          remedy: matches.isEmpty
            ? "choose from \(row.cells.prefix(20).joined(separator: ", "))"
            : "select the column by its number")
      }
      return matches[0]
    }
  }
}
