import Foundation
import PEFTRuntime
import PEFTText
import Testing

/// The tokenizers in Fixtures/stages and the reference results for texts.
struct StageFixture: Sendable, CustomTestStringConvertible {
  let testDescription: String
  private let entry: JSONValue

  static let all: [StageFixture] = (try? read()) ?? []
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/stages")

  private static func read() throws -> [StageFixture] {
    let golden = try JSONValue(contentsOf: folder.appending(path: "golden.json").path)
    return try #require(golden.object).members.map {
      StageFixture(testDescription: $0.key, entry: $0.value)
    }
  }

  /// The bytes of its files, by name.
  func files() throws -> [String: [UInt8]] {
    let table = try String(contentsOf: Self.folder.appending(path: "charsmap.txt"), encoding: .utf8)
      .trimmingCharacters(in: .newlines)
    var files: [String: [UInt8]] = [:]
    for member in Self.members(entry["files"]) {
      let text = try #require(member.value.string).replacingOccurrences(
        of: "@CHARSMAP@", with: table)
      files[member.key] = Array(text.utf8)
    }
    for member in Self.members(entry["models"]) {
      files[member.key] = Array(
        try #require(member.value.string.flatMap { Data(base64Encoded: $0) }))
    }
    return files
  }

  private static func members(_ value: JSONValue?) -> [(key: String, value: JSONValue)] {
    value?.object.map { object in object.members.map { ($0.key, $0.value) } } ?? []
  }

  /// The digests of the ids of code points.
  func codePointDigests() throws -> [String] {
    let all = try JSONValue(contentsOf: Self.folder.appending(path: "codepoints.json").path)
    return try #require(all[testDescription]?.array).compactMap(\.string)
  }

  func tokenizer() throws -> Tokenizer { try TokenizerFixture.load(files()) }

  struct Case {
    let text: String
    let pair: String?
    let maximumLength: Int?
    let ids: [Int32]
    let typeIDs: [Int32]
  }

  func cases() throws -> [Case] {
    try rows("cases").map { row in
      Case(
        text: try #require(row[0].string), pair: row[1].string, maximumLength: row[2].integer,
        ids: Self.integers(row[3]), typeIDs: Self.integers(row[4]))
    }
  }

  struct Words {
    let words: [String]
    let maximumLength: Int?
    let ids: [Int32]
    let wordIndices: [Int?]
  }

  func words() throws -> [Words] {
    try rows("words").map { row in
      Words(
        words: (row[0].array ?? []).compactMap(\.string), maximumLength: row[1].integer,
        ids: Self.integers(row[2]), wordIndices: (row[3].array ?? []).map(\.integer))
    }
  }

  func decodes() throws -> [(ids: [Int32], text: String)] {
    try rows("decodes").map { (Self.integers($0[0]), try #require($0[1].string)) }
  }

  private func rows(_ name: String) throws -> [[JSONValue]] {
    try #require(entry[name]?.array).map { try #require($0.array) }
  }

  private static func integers(_ value: JSONValue) -> [Int32] {
    (value.array ?? []).compactMap(\.integer).map(Int32.init)
  }
}
