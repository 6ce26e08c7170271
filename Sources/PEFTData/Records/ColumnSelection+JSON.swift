import PEFTTensor

extension ColumnSelection {
  /// `{"text": 1, "label": "sentiment", "header": true}`: numbers are positions from 1, strings are
  /// names.
  package var json: JSONValue {
    var object: JSONObject = ["text": text.json]
    object["pair"] = pair?.json
    object["label"] = label?.json
    object["header"] = header.map { .bool($0) }
    return .object(object)
  }
}

extension ColumnSelection.Column {
  fileprivate var json: JSONValue {
    switch self {
    case .number(let number): .integer(number)
    case .name(let name): .string(name)
    }
  }
}
