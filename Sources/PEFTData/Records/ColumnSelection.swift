/// The user's choice of columns for the text, its pair and the label.
///
/// A selection is complete: a role that it does not name is absent, even if a column has a known
/// name.
public struct ColumnSelection: Hashable, Sendable {
  /// One column of a table, or one key of a JSON object.
  public enum Column: Hashable, Sendable, CustomStringConvertible {
    /// The position, from 1.
    case number(Int)
    /// The name in the header, or the JSON key.
    case name(String)

    /// The column as written in a selection.
    public var description: String {
      switch self {
      case .number(let number): String(number)
      case .name(let name): name
      }
    }
  }

  /// The reason why a selection is invalid.
  public struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The message, with an example.
    public let description: String
  }

  /// The text, or the first text of a pair.
  public let text: Column
  /// The second text of a pair.
  public let pair: Column?
  /// The label.
  public let label: Column?
  /// Whether the first row is a header; if nil, the names in that row decide.
  public let header: Bool?

  /// The selection in the syntax of `parse`.
  public var description: String {
    let parts: [(String, String?)] = [
      ("text", text.description), ("pair", pair?.description), ("label", label?.description),
      ("header", header.map { $0 ? "yes" : "no" }),
    ]
    return parts.compactMap { key, value in value.map { "\(key)=\($0)" } }.joined(separator: ",")
  }

  /// Parses `text=1,label=2`: parts `key=column` separated by commas.
  ///
  /// The keys are `text` (also `text_a`), `pair` (also `text_b`), `label`, and `header` with the
  /// value `yes` or `no`. A column is a number from 1 or else a name. A column whose name is a
  /// number or contains a comma can only be selected by number. Selecting a column of a table by
  /// name implies that the table has a header.
  public static func parse(_ selection: String) throws(SyntaxError) -> ColumnSelection {
    var columns: [String: Column] = [:]
    var header: Bool?
    for part in selection.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map(trimmingSpaces)
      guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
        throw failure("\"\(part)\" is not of the form key=column", in: selection)
      }
      if sides[0] == "header" {
        guard header == nil else { throw failure("header occurs twice", in: selection) }
        switch sides[1] {
        case "yes": header = true
        case "no": header = false
        default: throw failure("header is yes or no, not \"\(sides[1])\"", in: selection)
        }
        continue
      }
      guard let role = roles[sides[0]] else {
        throw failure(
          "\"\(sides[0])\" is not text, pair, label or header", in: selection)
      }
      let column = try column(sides[1], in: selection)
      guard !columns.values.contains(column) else {
        throw failure("the column \(column) is taken twice", in: selection)
      }
      guard columns.updateValue(column, forKey: role) == nil else {
        throw failure("\(role) occurs twice", in: selection)
      }
    }
    guard let text = columns["text"] else {
      throw failure("the text column is missing", in: selection)
    }
    let hasNames = columns.values.contains { if case .name = $0 { true } else { false } }
    if hasNames, header == false {
      throw failure("header=no leaves no names, so columns are numbers", in: selection)
    }
    return ColumnSelection(
      text: text, pair: columns["pair"], label: columns["label"], header: hasNames ? true : header)
  }

  private static let roles = [
    "text": "text", "text_a": "text", "pair": "pair", "text_b": "pair", "label": "label",
  ]

  private static func column(_ text: String, in selection: String) throws(SyntaxError) -> Column {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return .name(text)
    }
    guard let number = Int(text), number > 0 else {
      throw failure("columns are numbered from 1, not \(text)", in: selection)
    }
    return .number(number)
  }

  private static func failure(_ reason: String, in selection: String) -> SyntaxError {
    SyntaxError(description: "columns \"\(selection)\": \(reason); write, say, text=1,label=2")
  }
}

private func trimmingSpaces(_ text: Substring) -> String {
  String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
}
