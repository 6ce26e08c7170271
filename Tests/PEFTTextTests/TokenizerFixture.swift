import Foundation
import PEFTText
import PEFTRuntime
import Testing

/// The small tokenizers and reference ids in Fixtures/tokenizer/golden.json.
enum TokenizerFixture {
  struct Case {
    let text: String
    let pair: String?
    let maximumLength: Int?
    let ids: [Int32]
    let typeIDs: [Int32]
  }

  static let names = [
    "roberta files", "roberta document", "gpt2 document", "bert files", "bert document",
  ]

  static func files(_ name: String) throws -> [String: String] {
    try #require(entry(name)["files"]?.object).members.reduce(into: [:]) {
      $0[$1.key] = $1.value.string
    }
  }

  static func cases(_ name: String) throws -> [Case] {
    try #require(entry(name)["cases"]?.array).map { row in
      let row = try #require(row.array)
      return Case(
        text: try #require(row[0].string), pair: row[1].string, maximumLength: row[2].integer,
        ids: integers(row[3]), typeIDs: integers(row[4]))
    }
  }

  /// The tokenizer of a directory that contains only `files`.
  static func load(_ files: [String: String]) throws -> Tokenizer {
    try load(files.mapValues { Array($0.utf8) })
  }

  /// The tokenizer of a directory that contains only files with these bytes.
  static func load(_ files: [String: [UInt8]]) throws -> Tokenizer {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for (name, content) in files {
      try Data(content).write(to: directory.appending(path: name))
    }
    return try Tokenizer.load(directory: directory.path)
  }

  static func tokenizer(_ name: String) throws -> Tokenizer { try load(files(name)) }

  private static func entry(_ name: String) throws -> JSONValue {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/tokenizer/golden.json").path
    return try #require(JSONValue(parsing: FileContents.read(path))[name])
  }

  private static func integers(_ value: JSONValue) -> [Int32] {
    (value.array ?? []).compactMap(\.integer).map(Int32.init)
  }
}
