import PEFTTensor

/// Reads one JSON object per line. Unused keys are ignored; a null label counts as absent; empty
/// lines are allowed only at the end.
enum JSONLines {
  /// The rows, and the keys of their texts if these are several, as a clause for the user.
  static func read(_ text: ValidatedText, columns: ColumnSelection?, path: String)
    throws(FileError) -> (examples: [TextExample], joined: String?)
  {
    let keys = try columns.map { columns throws(FileError) in try Keys(columns, path: path) }
    var examples: [TextExample] = []
    var joined: String?
    var position = 0
    var line = 0
    var emptyAt: Int?
    while position < text.bytes.count {
      line += 1
      let end = text.bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? text.bytes.count
      let content = text.bytes[position..<end]
      position = end + 1
      if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
        emptyAt = emptyAt ?? line
        continue
      }
      if let emptyAt { throw emptyLine(emptyAt, path: path) }
      let row = try Row(content, line: line, path: path)
      let example = try row.example(keys)
      if examples.isEmpty { joined = (keys ?? Keys(among: row.object.keys))?.joined }
      examples.append(example)
    }
    return (examples, joined)
  }

  private struct Keys {
    let text: [String]
    let pair: [String]
    let label: String?
    let id: String?

    init(_ columns: ColumnSelection, path: String) throws(FileError) {
      func key(_ column: ColumnSelection.Column) throws(FileError) -> String {
        guard case .name(let name) = column else {
          throw FileError(
            .unsupported, path: path, reason: "JSON lines have keys, not column \(column)",
            remedy: "name the keys, for example `columns` text=review,label=stars")
        }
        return name
      }
      text = try columns.text.map(key)
      pair = try columns.pair.map(key)
      label = try columns.label.map(key)
      id = try columns.id.map(key)
    }

    /// The keys of a text that has several.
    var joined: String? {
      let roles = [("text", text), ("pair", pair)].filter { $0.1.count > 1 }
      guard !roles.isEmpty else { return nil }
      return roles.map { "\($0) = " + $1.map { "\"\($0)\"" }.joined(separator: " + ") }
        .joined(separator: ", ")
    }

    /// The known keys among those of an object; nil if they do not make one text or one pair.
    init?(among names: [String]) {
      guard let found = KnownColumns.texts(among: names) else { return nil }
      text = found.text
      pair = found.pair
      label = KnownColumns.labels.first(where: names.contains) ?? KnownColumns.labels[0]
      id = KnownColumns.rowNumbers.first(where: names.contains)
    }
  }

  private struct Row {
    let object: JSONObject
    let line: Int
    let path: String

    init(_ content: ArraySlice<UInt8>, line: Int, path: String) throws(FileError) {
      self.line = line
      self.path = path
      let document: JSONValue
      do {
        document = try JSONValue(parsing: content)
      } catch {
        let isArray = line == 1 && content.first == UInt8(ascii: "[")
        throw FileError(
          .malformed, path: path, place: "line \(line), byte \(error.column)",
          reason: error.reason,
          remedy: isArray ? Self.arrayRemedy : "write one JSON object per line")
      }
      guard let object = document.object else {
        throw FileError(
          .malformed, path: path, place: "line \(line)",
          reason: "a line holds \(Self.kind(document)) instead of an object",
          remedy: document.array == nil ? "write one JSON object per line" : Self.arrayRemedy)
      }
      self.object = object
    }

    static let arrayRemedy = "turn an array into lines with: jq -c '.[]' OLD > NEW"

    func example(_ selected: Keys?) throws(FileError) -> TextExample {
      // Beside columns that are known, only a list is a conversation.
      if selected == nil, let messages = object["messages"],
        messages.array != nil || Keys(among: object.keys) == nil
      {
        return try conversation()
      }
      guard let keys = selected ?? Keys(among: object.keys) else {
        let trouble = KnownColumns.trouble(with: object.keys)
        throw failure(trouble.reason, remedy: trouble.remedy)
      }
      let labels = try keys.label.flatMap { key throws(FileError) in try list(key) }
      return TextExample(
        text: joinedText(try keys.text.map(text)),
        pair: keys.pair.isEmpty ? nil : joinedText(try keys.pair.map(text)),
        label: labels == nil
          ? try keys.label.flatMap { key throws(FileError) in try scalar(key) } : nil,
        labels: labels,
        id: try keys.id.flatMap { key throws(FileError) in
          selected == nil ? try? scalar(key) : try scalar(key)
        }, line: line)
    }

    /// A row with `messages`, each with a `role` and a `content`.
    private func conversation() throws(FileError) -> TextExample {
      let remedy = "write {\"role\": \"user\", \"content\": \"…\"} for each turn"
      guard let turns = object["messages"]?.array, !turns.isEmpty else {
        throw failure("\"messages\" is not a list of turns", remedy: remedy)
      }
      var messages: [ChatMessage] = []
      for (index, turn) in turns.enumerated() {
        guard let name = turn["role"]?.string, let content = turn["content"]?.string else {
          throw failure(
            "turn \(index + 1) has no \"role\" or no \"content\" that is a string", remedy: remedy)
        }
        guard let role = ChatMessage.Role(rawValue: name) else {
          throw failure(
            "turn \(index + 1) has the role \"\(name)\"",
            remedy: "roles are " + ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", ")
          )
        }
        guard role != .system || index == 0 else {
          throw failure(
            "turn \(index + 1) is a system message", remedy: "put it at the beginning")
        }
        guard !content.utf8.contains(0) else {
          throw failure("turn \(index + 1) holds a NUL character", remedy: "remove it")
        }
        messages.append(ChatMessage(role: role, content: content))
      }
      return TextExample(
        text: messages.filter { $0.role == .user }.map(\.content).joined(separator: "\n"),
        messages: messages, line: line)
    }

    func failure(_ reason: String, remedy: String = "") -> FileError {
      FileError(.malformed, path: path, place: "line \(line)", reason: reason, remedy: remedy)
    }

    func text(_ key: String) throws(FileError) -> String {
      guard let value = object[key] else { throw failure("the key \"\(key)\" is missing") }
      guard let text = value.string else {
        throw failure("\"\(key)\" is \(Self.kind(value)) instead of a string")
      }
      guard !text.utf8.contains(0) else {
        throw failure("\"\(key)\" holds a NUL character", remedy: "remove it")
      }
      return text
    }

    /// The labels of a list; nil if there is no list.
    func list(_ key: String) throws(FileError) -> [String]? {
      guard let values = object[key]?.array else { return nil }
      return try values.map { value throws(FileError) in
        switch value {
        case .string(let text) where !text.isEmpty: return text
        case .integer(let value): return String(value)
        default:
          throw failure(
            "\"\(key)\" is a list with \(Self.kind(value)) that is no label",
            remedy: "write labels as strings that are not empty, or whole numbers")
        }
      }
    }

    /// A string, number or truth value, as for a label; nil if there is none.
    func scalar(_ key: String) throws(FileError) -> String? {
      switch object[key] {
      case nil, .null: return nil
      case .string(let text): return text
      case .integer(let value): return String(value)
      case .number(let value): return "\(value)"
      case .bool(let value): return "\(value)"
      case .some(let value):
        throw failure(
          "\"\(key)\" is \(Self.kind(value)) instead of a string, number or truth value")
      }
    }

    static func kind(_ value: JSONValue) -> String {
      switch value {
      case .null: "null"
      case .bool: "a truth value"
      case .integer, .number: "a number"
      case .string: "a string"
      case .array: "an array"
      case .object: "an object"
      }
    }
  }
}
