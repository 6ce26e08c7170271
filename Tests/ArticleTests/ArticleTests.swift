import Foundation
import Testing

/// The documentation catalogues beside the sources. This folder also contains their examples, which
/// are compiled and run here.
@Suite("Articles")
struct ArticleTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  private static let sources = tests.deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources")
  private static let libraries = [
    "PEFTRuntime", "PEFTText", "PEFTTensor", "PEFTNetwork", "PEFTSelect", "PEFTModels",
    "PEFTReport", "PEFTData", "PEFTTrain", "PEFTRuns", "PEFTStudy",
  ]

  private static func files(below directory: URL, extension suffix: String) throws -> [URL] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted()
    return paths.filter { $0.hasSuffix("." + suffix) }.map { directory.appending(path: $0) }
  }

  private static func catalogue(_ library: String) -> URL {
    sources.appending(path: library).appending(path: library + ".docc")
  }

  private static func lines(_ file: URL) throws -> [Substring] {
    try String(contentsOf: file, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
  }

  /// The lines without their common indentation.
  private static func flush(_ lines: [Substring]) -> [Substring] {
    let margin = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
    return lines.map { $0.dropFirst(margin) }
  }

  /// Whether `block` is a contiguous run of lines of `source`, at any indentation.
  private static func contains(_ source: [Substring], _ block: [Substring]) -> Bool {
    guard let first = block.first, source.count >= block.count else { return false }
    return (0...source.count - block.count).contains { start in
      source[start].hasSuffix(first)
        && flush(Array(source[start..<start + block.count])) == flush(block)
    }
  }

  @Test("every example is compiled and run here", arguments: libraries)
  func examples(library: String) throws {
    let articles = try Self.files(below: Self.catalogue(library), extension: "md")
    #expect(articles.count > 1)
    let sources = try Self.files(below: Self.tests, extension: "swift").map(Self.lines)
    for article in articles {
      let blocks = try Self.lines(article).split(separator: "```swift").dropFirst().map {
        $0.prefix { $0 != "```" }
      }
      let isLandingPage = article.lastPathComponent == library + ".md"
      #expect(isLandingPage || !blocks.isEmpty, "\(article.lastPathComponent) has no example")
      for block in blocks {
        let code = block.drop { $0.isEmpty || $0.hasPrefix("import ") }
        #expect(
          sources.contains { source in
            Self.contains(source, Array(code))
              && block.allSatisfy { !$0.hasPrefix("import ") || source.contains($0) }
          },
          "\(article.lastPathComponent): not in Tests/ArticleTests:\n\(code.joined(separator: "\n"))"
        )
      }
    }
  }

  @Test("every public type and function is among the topics of its library", arguments: libraries)
  func topics(library: String) throws {
    let page = try Self.lines(Self.catalogue(library).appending(path: library + ".md"))
    let topics = Set(page.filter { $0.hasPrefix("- ``") }.map { $0.dropFirst(4).dropLast(2) })
    let declaration = /^public (?:final )?(?:struct|class|enum|protocol|func|typealias) (\w+)/
    for file in try Self.files(
      below: Self.sources.appending(path: library), extension: "swift")
    {
      for line in try Self.lines(file) {
        guard let name = line.firstMatch(of: declaration)?.1 else { continue }
        #expect(
          topics.contains { $0 == name || $0.hasPrefix(name + "(") },
          "\(name) of \(file.lastPathComponent) is missing in \(library).md")
      }
    }
  }
}
