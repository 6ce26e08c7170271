import PEFTRuntime

/// A part of a `tokenizer.json`: an object with a `type` and settings.
struct Component {
  /// The JSON object.
  let value: JSONValue
  /// The component's place in the file, used in messages.
  let place: String
  /// The path of the file, used in messages.
  let path: String
  /// The known components.
  let table: ComponentTable

  /// Creates the component with the maker for its type. A type without a maker is rejected by name.
  func made<Part>(by makers: [String: ComponentTable.Maker<Part>]) throws(FileError) -> Part {
    guard let maker = value["type"]?.string.flatMap({ makers[$0] }) else {
      throw unsupported(value["type"]?.string.map { "\"\($0)\"" } ?? value.text())
    }
    return try maker(self)
  }

  /// The components in the list `key`.
  func parts<Part>(
    _ key: String, by makers: [String: ComponentTable.Maker<Part>]
  ) throws(FileError) -> [Part] {
    guard let list = value[key]?.array else { throw malformed("\(key) is not a list") }
    guard place.count(where: { $0 == "[" }) < Self.deepest else {
      throw unsupported("a sequence in more than \(Self.deepest) others")
    }
    var parts: [Part] = []
    for (index, part) in list.enumerated() {
      parts.append(
        try Component(value: part, place: "\(place).\(key)[\(index)]", path: path, table: table)
          .made(by: makers))
    }
    return parts
  }

  private static let deepest = 8

  /// Throws if a text could grow so much that it would use up all memory.
  func checkGrowth(_ factor: Double) throws(FileError) {
    guard factor <= Self.largestGrowth else {
      throw unsupported("replacements that make texts \(factor) times as long")
    }
  }

  private static let largestGrowth = 4096.0

  /// The Boolean `key`; the default if it is missing or null.
  func flag(_ key: String, default usual: Bool) throws(FileError) -> Bool {
    guard let member = value[key], member != .null else { return usual }
    guard let flag = member.bool else { throw malformed("\(key) is not true or false") }
    return flag
  }

  /// The string `key`. If it is missing or null, returns the default, or throws if there is no
  /// default.
  func string(_ key: String, default usual: String? = nil) throws(FileError) -> String {
    guard let string = value[key]?.string ?? (isPresent(key) ? nil : usual) else {
      throw malformed("\(key) is not a string")
    }
    return string
  }

  /// The number `key`, at least 0.
  func count(_ key: String) throws(FileError) -> Int {
    guard let count = value[key]?.integer, count >= 0 else {
      throw malformed("\(key) is not a number of 0 or more")
    }
    return count
  }

  /// Whether there is a member `key` that is not null.
  func isPresent(_ key: String) -> Bool { value[key] != nil && value[key] != .null }

  /// An error that says that the component does not conform to the format.
  func malformed(_ reason: String, at key: String = "") -> FileError {
    FileError(
      .malformed, path: path, place: key.isEmpty ? place : "\(place).\(key)", reason: reason,
      remedy: "use the file that came with the model")
  }

  /// An error that says that the component asks for an unsupported feature.
  func unsupported(_ what: String, at key: String = "") -> FileError {
    FileError(
      .unsupported, path: path, place: key.isEmpty ? place : "\(place).\(key)",
      reason: "\(what) is not supported",
      remedy: "use a tokenizer of WordPiece, BPE or Unigram with the usual components")
  }
}
