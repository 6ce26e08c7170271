import PEFTTensor
import Yams

/// A YAML document that maps names to texts, lists of texts or other such maps: options, patterns
/// of groups, suites.
///
/// Names are unique and keep their order. Values are not interpreted: a number is the text as
/// written.
public struct YAMLMap: Hashable, Sendable {
  /// A name and its value.
  public struct Entry: Hashable, Sendable {
    /// The name.
    public let name: String
    /// The text, or the texts of the list; nil for anything else, such as a map or a list of lists.
    public let values: [String]?
    /// The map, if the value is one.
    public let map: YAMLMap?
    /// The line, from 1.
    public let line: Int
  }

  /// The entries in the order of the file.
  public let entries: [Entry]

  /// Reads the file at `path`; `example` is a line that could occur in it, for the remedy of an
  /// error.
  public init(contentsOf path: String, example: String) throws(FileError) {
    try self.init(
      parsing: FileContents.read(path, limit: Self.byteLimit), path: path, example: example)
  }

  /// Reads a document.
  ///
  /// A document with only comments is a map without entries.
  ///
  /// - Throws: `malformed`, with the line, for a document that is not UTF-8, not YAML or not one
  ///   map, or that has a duplicate name or a name that is not a text; `unsupported` for more
  ///   bytes, aliases or values than such a file may have.
  public init(parsing bytes: [UInt8], path: String, example: String) throws(FileError) {
    func wrong(_ reason: String, _ line: Int? = nil) -> FileError {
      FileError(
        .malformed, path: path, place: line.map { "line \($0)" } ?? "", reason: reason,
        remedy: "write lines such as: \(example)")
    }
    let bytes = bytes.withoutByteOrderMark
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw wrong("it is not UTF-8")
    }
    try Self.check(bytes, path: path)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      let (problem, line) = Self.explanation(of: error)
      throw wrong("it is not YAML: \(problem)", line)
    } catch {
      throw wrong("it is not YAML: \(error)")
    }
    guard let node else {
      self.init(entries: [])
      return
    }
    guard let mapping = node.mapping else { throw wrong("it is not a map", node.mark?.line) }
    var room = Self.valueLimit
    try self.init(mapping, depth: 1, room: &room, path: path, wrong: wrong)
  }

  /// The largest size in bytes of a file of options, names or patterns.
  private static let byteLimit = 1 << 20
  /// The largest number of aliases. Each nests the value that it refers to, and the nodes of a
  /// document are freed recursively.
  private static let aliasLimit = 16
  /// The limit on the number of names that are lists or maps, multiplied by the document's size in
  /// bytes.
  private static let nameValueLimit = 10_000_000
  /// The largest number of names and values of a map, with aliases expanded.
  private static let valueLimit = 200_000

  /// Throws for a document that would take excessively long to compose.
  private static func check(_ bytes: [UInt8], path: String) throws(FileError) {
    func tooMuch(_ reason: String, _ remedy: String) -> FileError {
      FileError(.unsupported, path: path, reason: reason, remedy: remedy)
    }
    guard bytes.count <= byteLimit else {
      throw tooMuch("it has more than \(byteLimit) bytes", "name a file of options")
    }
    let scan = YAMLScan(bytes)
    guard scan.aliases <= aliasLimit else {
      throw tooMuch(
        "it has more than \(aliasLimit) aliases such as *name", "write out what they stand for")
    }
    // Such names are refused later, but composing first compares them value by value. Without
    // aliases, each comparison covers at most all bytes.
    guard scan.compositeNames == 0 || scan.aliases == 0,
      scan.compositeNames * bytes.count <= nameValueLimit
    else { throw tooMuch("it has names that are lists, maps or aliases", "write texts as names") }
  }

  private init(entries: [Entry]) { self.entries = entries }

  /// The depth below which maps are not read.
  private static let depthLimit = 4

  private init(
    _ mapping: Node.Mapping, depth: Int, room: inout Int, path: String,
    wrong: (String, Int?) -> FileError
  ) throws(FileError) {
    var entries: [Entry] = []
    var lines: [String: Int] = [:]
    for (key, value) in mapping {
      let line = key.mark?.line ?? 1
      guard let name = key.scalar?.string, !name.isEmpty else {
        throw wrong("a name is missing", line)
      }
      // YAML distinguishes 1 from "1"; here both are the same text.
      if let first = lines.updateValue(line, forKey: name) {
        throw wrong("\"\(name)\" is there more than once, in line \(first) too", line)
      }
      room -= 1 + (value.sequence?.count ?? 1)
      guard room >= 0 else {
        throw FileError(
          .unsupported, path: path, place: "line \(line)",
          reason: "it has more than \(Self.valueLimit) names and values, its aliases written out",
          remedy: "write fewer")
      }
      let nodes = value.sequence.map { Array($0) } ?? [value]
      let texts = nodes.compactMap { $0.scalar?.string }
      var map: YAMLMap?
      if let below = value.mapping, depth < Self.depthLimit {
        map = try YAMLMap(below, depth: depth + 1, room: &room, path: path, wrong: wrong)
      }
      entries.append(
        Entry(
          name: name, values: texts.count == nodes.count ? texts : nil, map: map, line: line))
    }
    self.init(entries: entries)
  }

  /// What is wrong, and on which line.
  private static func explanation(of error: YamlError) -> (problem: String, line: Int?) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      (problem, mark.line)
    case .duplicatedKeysInMapping(let names, let context):
      (
        "\(names.map { "\"\($0)\"" }.joined(separator: ", ")) is there more than once",
        context.mark.line
      )
    case .reader(let problem, _, _, _): (problem, nil)
    default: ("\(error)", nil)
    }
  }
}
