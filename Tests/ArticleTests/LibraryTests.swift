import Foundation
import Testing

/// The sources of the libraries must not mention the command that uses them.
@Suite("Libraries")
struct LibraryTests {
  private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
  /// Text that looks like an option but is a variable of a style sheet.
  private static var styleVariables: Regex<(Substring, Substring)> {
    /--(page|ink|muted|surface|line|accent)\b/
  }
  /// The name of a suite in the markers of its directories, which is part of their format.
  private static let markerOfSuite = #"case suite = "compare --suite""#

  /// The sources and articles of the libraries.
  private static func files() throws -> [URL] {
    try FileManager.default.subpathsOfDirectory(atPath: sources.path)
      .filter { $0.hasPrefix("PEFT") && ($0.hasSuffix(".swift") || $0.hasSuffix(".md")) }
      .map { sources.appending(path: $0) }
  }

  @Test(
    "no message, comment or article names an option or a command, and no library reads the arguments"
  )
  func options() throws {
    let files = try Self.files()
    #expect(files.count > 100)
    for file in files {
      let lines = try String(contentsOf: file, encoding: .utf8).split(
        separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() where !line.contains(Self.markerOfSuite) {
        let text = line.replacing(Self.styleVariables, with: "")
        let isFree =
          !text.contains(/--[a-z]/) && !text.contains("`peft ") && !text.contains("CommandLine")
        #expect(isFree, "\(file.lastPathComponent):\(index + 1): \(line)")
      }
    }
  }
}
