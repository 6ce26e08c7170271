import PEFTTensor

/// The positions, from 0, of the text, its pair and the label in the rows of a table.
struct TableColumns: Hashable {
  let text: Int
  let pair: Int?
  let label: Int?
  /// The number of cells that every row must have.
  let width: Int
  /// Whether the first row is a header.
  let hasHeader: Bool

  /// Finds the columns by the user's selection, else by the names in the first row, else by their
  /// number: one column is the text, two are text and label, three are two texts and the label.
  ///
  /// The first row is a header if all its cells, or at least two of them, are known names. A row
  /// with one known name among several cells is ambiguous and is refused.
  init(firstRow: DelimitedRecord, selection: ColumnSelection?, path: String) throws(FileError) {
    let names = firstRow.cells.map { $0.lowercased() }
    let place = "line \(firstRow.line)"
    width = names.count
    if let header = selection?.header {
      hasHeader = header
    } else {
      let known = names.filter(KnownColumns.contains)
      guard known.count != 1 || names.count == 1 else {
        throw FileError(
          .malformed, path: path, place: place,
          reason: "this is a header or a row: \"\(known[0])\" is a column name, the rest is not",
          remedy: "say which with `columns`, for example text=1,label=2,header=yes")
      }
      hasHeader = !known.isEmpty
    }

    if let selection {
      func position(_ column: ColumnSelection.Column) throws(FileError) -> Int {
        try Self.position(of: column, in: firstRow, path: path)
      }
      text = try position(selection.text)
      pair = if let column = selection.pair { try position(column) } else { nil }
      label = if let column = selection.label { try position(column) } else { nil }
      guard
        Set([text, pair, label].compactMap(\.self)).count
          == [text, pair, label].compactMap(\.self).count
      else {
        throw FileError(
          .malformed, path: path, place: place, reason: "one column is selected for two purposes",
          remedy: "give every part of `columns` a column of its own")
      }
    } else if hasHeader {
      let present = names.filter(KnownColumns.texts.contains)
      guard present.count == Set(present).count,
        let list = KnownColumns.textList(of: present), let first = names.firstIndex(of: list[0])
      else {
        let trouble = KnownColumns.trouble(with: present)
        throw FileError(
          .malformed, path: path, place: place, reason: trouble.reason, remedy: trouble.remedy)
      }
      text = first
      pair = list.count > 1 ? names.firstIndex(of: list[1]) : nil
      label = names.firstIndex(of: KnownColumns.label)
    } else {
      guard width <= 3 else {
        throw FileError(
          .malformed, path: path, place: place,
          reason: "\(width) columns without a header do not tell what they are",
          remedy: "give the columns with `columns`, for example text=1,label=2")
      }
      text = 0
      pair = width == 3 ? 1 : nil
      label = width > 1 ? width - 1 : nil
    }
  }

  /// The columns, by name and number: `text = column 1 "review", label = column 2 "stars"`.
  func description(header: [String]?) -> String {
    [("text", Optional(text)), ("pair", pair), ("label", label)].compactMap { role, place in
      place.map { place in
        "\(role) = column \(place + 1)" + (header.map { " \"\($0[place])\"" } ?? "")
      }
    }.joined(separator: ", ")
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
