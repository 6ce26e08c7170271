import PEFTTensor

extension ColumnSelection {
  /// `{"text": 1, "label": "sentiment", "header": true}`: numbers are positions from 1, strings are
  /// names, and the columns of a text that has several are an array.
  package var json: JSONValue {
    var object: JSONObject = ["text": Self.json(of: text)]
    if !pair.isEmpty { object["pair"] = Self.json(of: pair) }
    object["label"] = label?.json
    object["id"] = id?.json
    object["header"] = header.map { .bool($0) }
    return .object(object)
  }

  /// The selection that `json` describes; nil for anything else.
  package init?(json: JSONValue) {
    func columns(_ key: String) -> [Column]? {
      guard let value = json[key] else { return [] }
      let columns = (value.array ?? [value]).compactMap(Column.init)
      return columns.count == value.array?.count ?? 1 && !columns.isEmpty ? columns : nil
    }
    guard let text = columns("text"), !text.isEmpty, let pair = columns("pair"),
      let label = columns("label"), label.count < 2, let id = columns("id"), id.count < 2
    else { return nil }
    self.init(
      text: text, pair: pair, label: label.first, id: id.first, header: json["header"]?.bool)
  }

  private static func json(of columns: [Column]) -> JSONValue {
    columns.count == 1 ? columns[0].json : .array(columns.map(\.json))
  }
}

extension ColumnSelection.Column {
  fileprivate var json: JSONValue {
    switch self {
    case .number(let number): .integer(number)
    case .name(let name): .string(name)
    }
  }

  fileprivate init?(_ json: JSONValue) {
    if let name = json.string {
      self = .name(name)
    } else if let number = json.integer, number > 0 {
      self = .number(number)
    } else {
      return nil
    }
  }
}
