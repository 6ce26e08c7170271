import Foundation
import PEFTRuntime
import PEFTText
import Testing

/// The tokenizers with settings of Fixtures/settings and what PyPI's `transformers` makes of texts.
struct SettingsFixture: Sendable, CustomTestStringConvertible {
  let testDescription: String
  private let entry: JSONValue

  static let all: [SettingsFixture] = (try? read()) ?? []

  private static func read() throws -> [SettingsFixture] {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/settings/golden.json").path
    return try #require(JSONValue(contentsOf: path).object).members.map {
      SettingsFixture(testDescription: $0.key, entry: $0.value)
    }
  }

  /// The texts of its files by name.
  func files() throws -> [String: String] {
    try #require(entry["files"]?.object).members.reduce(into: [:]) { $0[$1.key] = $1.value.string }
  }

  struct Case {
    let text: String
    let pair: String?
    let maximumLength: Int?
    let ids: [Int32]
    /// Nil for a class that returns no token types.
    let typeIDs: [Int32]?
  }

  func cases() throws -> [Case] {
    try #require(entry["cases"]?.array).map { row in
      let row = try #require(row.array)
      return Case(
        text: try #require(row[0].string), pair: row[1].string, maximumLength: row[2].integer,
        ids: try #require(Self.integers(row[3])), typeIDs: Self.integers(row[4]))
    }
  }

  private static func integers(_ value: JSONValue) -> [Int32]? {
    value.array.map { $0.compactMap(\.integer).map(Int32.init) }
  }
}
