import Foundation
import PEFTTensor
import Testing

/// Suites that are killed and resumed.
@Suite("Restarted suites")
struct SuiteRestartTests {
  /// The columns of measured times and memory, which no two processes have in common.
  private static let measured: Set<String> = ["training, s", "probe, s", "memory, MB"]

  private func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// `suite.json` without measured columns.
  private func summary(_ directory: String) throws -> JSONValue {
    var document = try #require(JSONValue(contentsOf: directory + "/suite.json").object)
    let tables = try #require(document["tables"]?.array).map { table in
      var table = try #require(table.object)
      let columns = (table["columns"]?.array ?? []).map { $0.string ?? "" }
      let kept = columns.indices.filter { !Self.measured.contains(columns[$0]) }
      table["columns"] = .array(kept.map { .string(columns[$0]) })
      table["rows"] = .array(
        (table["rows"]?.array ?? []).map { row in
          .array(kept.map { row.array?[$0] ?? .null })
        })
      return JSONValue.object(table)
    }
    #expect(tables.contains { $0["columns"]?.array?.count == 11 - Self.measured.count })
    document["tables"] = .array(tables)
    return .object(document)
  }

  /// The page without its digest and the last three cells of rows of eleven, which are those
  /// columns.
  private func page(_ directory: String) throws -> [String] {
    let text = try String(contentsOfFile: directory + "/report.html", encoding: .utf8)
    return text.components(separatedBy: "<tr>").map { row in
      let cells = row.components(separatedBy: "<td")
      return cells.count == 11 ? cells.dropLast(3).joined() : row
    }.map { $0.replacing(/<!-- SHA-256 [0-9a-f]+ -->/, with: "") }
  }

  /// `results.csv` without its last three columns.
  private func table(_ directory: String) throws -> [String] {
    try String(contentsOfFile: directory + "/results.csv", encoding: .utf8).split(separator: "\n")
      .map {
        $0.split(separator: ",", omittingEmptySubsequences: false).dropLast(3).joined(
          separator: ",")
      }
  }

  @Test("end with the same suite.json, page and table as one that was never killed")
  func killed() throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let shim = try FaultShim()
    let suite = try place.directory.write(FuzzedWork.suite(place), to: "suite.yaml")
    let (whole, restarted) = (place.directory.path("whole"), place.directory.path("restarted"))
    let command = ["suite", suite, "--workers", "1", "--quiet", "--output"]
    let first = try run(command + [whole])
    try #require(first.status == 0, "\(first.errors)")
    var kills = 0
    for _ in 0..<40 {
      let ended = try run(
        command + [restarted, "--resume"], shim.environment("kill", at: 23 + kills))
      if ended.status == 0 { break }
      #expect(ended.status == -SIGKILL, "\(ended.errors)")
      kills += 1
    }
    #expect(kills >= 3, "\(kills) kills")
    let last = try run(command + [restarted, "--resume"])
    try #require(last.status == 0, "\(last.errors)")
    #expect(try summary(restarted) == summary(whole))
    #expect(try page(restarted) == page(whole))
    #expect(try table(restarted) == table(whole))
    let files = try Set(FileManager.default.subpathsOfDirectory(atPath: restarted))
    #expect(try files == Set(FileManager.default.subpathsOfDirectory(atPath: whole)))
  }
}
