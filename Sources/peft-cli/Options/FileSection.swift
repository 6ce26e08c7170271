import PEFTStudy
import PEFTTensor

/// A map in a file that defines a job, such as a suite.
struct FileSection {
  /// The key of the section.
  let name: String
  private let path: String
  private let place: String
  private let line: Int
  private let map: YAMLMap

  /// The map of the whole file at `path`.
  init(_ map: YAMLMap, path: String) {
    self.init(map, name: "", path: path, place: "", line: 1)
  }

  private init(_ map: YAMLMap, name: String, path: String, place: String, line: Int) {
    self.map = map
    self.name = name
    self.path = path
    self.place = place
    self.line = line
  }

  func wrong(_ key: String, _ reason: String, remedy: String = "") -> FileError {
    FileError(
      .malformed, path: path, place: "line \(self[key]?.line ?? line), \(self.place(of: key))",
      reason: reason, remedy: remedy)
  }

  private func place(of key: String) -> String {
    [place, key].filter { !$0.isEmpty }.joined(separator: ".")
  }

  private subscript(key: String) -> YAMLMap.Entry? { map.entries.first { $0.name == key } }

  /// The keys in the order of the file.
  var keys: [String] { map.entries.map(\.name) }

  func has(_ key: String) -> Bool { self[key] != nil }

  func isMap(_ key: String) -> Bool { self[key]?.map != nil }

  /// Throws for an unknown key.
  func check(keys: [String]) throws {
    if let stranger = map.entries.first(where: { !keys.contains($0.name) }) {
      throw wrong(
        stranger.name, "there is no such key here; the keys are \(keys.joined(separator: ", "))")
    }
  }

  func section(_ key: String) throws -> FileSection {
    guard let entry = self[key], let map = entry.map else {
      throw wrong(key, "it is not a map from names to values")
    }
    // Names become directory names.
    guard !key.hasPrefix("."), !key.contains("/") else {
      throw wrong(key, "a name must not begin with a dot nor have a slash")
    }
    return FileSection(map, name: key, path: path, place: place(of: key), line: entry.line)
  }

  /// The maps inside this one.
  var sections: [FileSection] {
    get throws {
      guard map.entries.count <= Self.sectionLimit else {
        throw wrong(
          "", "it has \(map.entries.count) entries, more than \(Self.sectionLimit)",
          remedy: "leave out some of them, or make several files")
      }
      return try map.entries.map { try section($0.name) }
    }
  }

  /// The largest number of maps inside another.
  private static let sectionLimit = 1000

  func strings(_ key: String) throws -> [String] {
    guard let strings = self[key]?.values, !strings.isEmpty else {
      throw wrong(key, "give a value or a list of values")
    }
    return strings
  }

  func string(_ key: String) throws -> String {
    let strings = try strings(key)
    guard strings.count == 1 else { throw wrong(key, "give one value") }
    return strings[0]
  }

  func numbers<Value>(_ key: String, _ value: (String) -> Value?) throws -> [Value] {
    try strings(key).map { text in
      guard let value = value(text) else { throw wrong(key, "it cannot be \"\(text)\"") }
      return value
    }
  }

  func number<Value>(_ key: String, _ value: (String) -> Value?) throws -> Value {
    let text = try string(key)
    guard let value = value(text) else { throw wrong(key, "it cannot be \"\(text)\"") }
    return value
  }

  /// The map as command-line options.
  var arguments: [String] {
    get throws {
      try map.entries.flatMap { entry -> [String] in
        switch try strings(entry.name) {
        case ["true"]: return ["--\(entry.name)"]
        case ["false"]: return []
        case let values: return ["--\(entry.name)=\(values.joined(separator: ","))"]
        }
      }
    }
  }
}

extension FileSection {
  /// The value of `key`, or `usual` if it is not there.
  func number<Value>(_ key: String, usual: Value, _ value: (String) -> Value?) throws -> Value {
    has(key) ? try number(key, value) : usual
  }
}
