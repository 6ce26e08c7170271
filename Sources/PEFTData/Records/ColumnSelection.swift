/// The user's choice of columns for the text, its pair, the label and the row's name.
///
/// A selection is complete: a role that it does not name is absent, even if a column has a known
/// name. Several columns make one text: their contents are joined in order by single spaces, and
/// empty ones are left out.
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

  /// The columns of the text, or of the first text of a pair; at least one.
  public let text: [Column]
  /// The columns of the second text of a pair; empty if there is none.
  public let pair: [Column]
  /// The label.
  public let label: Column?
  /// The name or number of the row, which predictions repeat.
  public let id: Column?
  /// Whether the first row is a header; if nil, the names in that row decide.
  public let header: Bool?

  /// The selection in the syntax of `parse`.
  public var description: String {
    let parts: [(String, String?)] = [
      ("text", Self.text(of: text)), ("pair", pair.isEmpty ? nil : Self.text(of: pair)),
      ("label", label?.description), ("id", id?.description),
      ("header", header.map { $0 ? "yes" : "no" }),
    ]
    return parts.compactMap { key, value in value.map { "\(key)=\($0)" } }.joined(separator: ",")
  }

  private static func text(of columns: [Column]) -> String {
    columns.map(\.description).joined(separator: "+")
  }

  /// All selected columns.
  var columns: [Column] { text + pair + [label, id].compactMap(\.self) }

  /// The same texts without the label.
  package var withoutLabel: ColumnSelection {
    ColumnSelection(text: text, pair: pair, label: nil, id: id, header: header)
  }

  /// Parses `text=1,label=2`: parts `key=column` separated by commas.
  ///
  /// The keys are `text` (also `text_a`), `pair` (also `text_b`), `label`, `id`, and `header` with
  /// the value `yes` or `no`. A column is a number from 1 or else a name; a text may be several
  /// columns, as in `text=title+body`. A column whose name is a number or contains a comma or a
  /// plus sign can only be selected by number. Selecting a column of a table by name implies that
  /// the table has a header.
  public static func parse(_ selection: String) throws(SyntaxError) -> ColumnSelection {
    var columns: [String: [Column]] = [:]
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
          "\"\(sides[0])\" is not text, pair, label, id or header", in: selection)
      }
      var list: [Column] = []
      for name in sides[1].split(separator: "+", omittingEmptySubsequences: false) {
        let column = try column(trimmingSpaces(name), in: selection)
        guard !list.contains(column), !columns.values.contains(where: { $0.contains(column) })
        else { throw failure("the column \(column) is taken twice", in: selection) }
        list.append(column)
      }
      guard list.count == 1 || role == "text" || role == "pair" else {
        throw failure("\(role) is one column, and only texts are joined", in: selection)
      }
      guard columns.updateValue(list, forKey: role) == nil else {
        throw failure("\(role) occurs twice", in: selection)
      }
    }
    guard let text = columns["text"] else {
      throw failure("the text column is missing", in: selection)
    }
    let hasNames = columns.values.joined().contains { column in
      if case .name = column { true } else { false }
    }
    if hasNames, header == false {
      throw failure("header=no leaves no names, so columns are numbers", in: selection)
    }
    return ColumnSelection(
      text: text, pair: columns["pair"] ?? [], label: columns["label"]?.first,
      id: columns["id"]?.first, header: hasNames ? true : header)
  }

  private static let roles = [
    "text": "text", "text_a": "text", "pair": "pair", "text_b": "pair", "label": "label",
    "id": "id",
  ]

  private static func column(_ text: String, in selection: String) throws(SyntaxError) -> Column {
    guard !text.isEmpty else {
      throw failure(
        "a plus sign joins columns; select one whose name has a plus sign by its number",
        in: selection)
    }
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
