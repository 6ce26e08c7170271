import Foundation
import Testing

/// Runs the commands of the documentation exactly as written.
@Suite("Documentation")
struct DocumentationTests {
  private static let pages = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Documentation")

  /// The files that the pages refer to.
  private static func place() throws -> Workplace {
    let place = try Workplace()
    let test = try String(contentsOfFile: place.dev, encoding: .utf8)
    _ = try place.directory.write(test, to: "test.tsv")
    let words = ["red", "green", "blue", "one", "two", "three"]
    _ = try place.directory.write(
      (0..<24).map { "name: \(words[$0 % 6])||\(words[$0 % 6]) is \(words[($0 + 1) % 6])\n" }
        .joined(), to: "pairs.txt")
    _ = try place.directory.write(
      (0..<600).map { words[$0 * $0 % 6] }.joined(separator: " "), to: "novel.txt")
    _ = try place.directory.write(
      (0..<24).map {
        "{\"anchor\": \"\(words[$0 % 6]) good\", \"positive\": \"\(words[$0 % 6]) bad\"}\n"
      }.joined(), to: "questions.jsonl")
    _ = try place.directory.write(
      "sentence1\tsentence2\tscore\n"
        + (0..<24).map {
          "\(words[$0 % 6]) good\t\(words[$0 * $0 % 6]) bad\t\($0 % 3 == 0 ? 1 : 0.5)\n"
        }.joined(), to: "scored.tsv")
    let models = try PEFTProcess.run("models", place.directory.path("bundled"), "--quiet")
    try #require(models.status == 0, "\(models.errors)")
    try FileManager.default.moveItem(
      atPath: place.directory.path("bundled/gpt2-small"), toPath: place.directory.path("gpt2"))
    return place
  }

  @Test(
    "every block of commands on a page runs",
    arguments: ["training", "choosing", "exporting", "language", "suites", "tuning", "embeddings"])
  func runs(page: String) throws {
    let text = try String(
      contentsOf: Self.pages.appending(path: page + ".md"), encoding: .utf8)
    let blocks = text.components(separatedBy: "```sh\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(!blocks.isEmpty)
    let place = try Self.place()
    for block in blocks {
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = ["-eu", "-c", block]
      shell.currentDirectoryURL = URL(filePath: place.directory.path)
      let log = place.directory.url("log")
      try Data().write(to: log)
      shell.standardOutput = try FileHandle(forWritingTo: log)
      shell.standardError = shell.standardOutput
      var environment = ProcessInfo.processInfo.environment
      environment["OPENBLAS_CORETYPE"] = nil
      environment["PATH"] =
        PEFTProcess.executable.deletingLastPathComponent().path + ":"
        + (environment["PATH"] ?? "/usr/bin:/bin")
      shell.environment = environment
      try shell.run()
      shell.waitUntilExit()
      let output = try String(contentsOf: log, encoding: .utf8)
      try #require(shell.terminationStatus == 0, "\(page): \(block)\n\(output)")
    }
  }
}
