import PEFTStudy
import PEFTTensor
import Testing

@Suite("YAML maps")
struct YAMLMapTests {
  private func map(_ text: String) throws -> YAMLMap {
    try YAMLMap(parsing: Array(text.utf8), path: "run.yaml", example: "rank: 8")
  }

  @Test("texts and lists of texts, in their order, with their lines")
  func reading() throws {
    let entries = try map(
      "# a run\nrank: 4\ntargets: [query, \"key\"]\n\nmethods:\n  - lora\n  - 'full'\nnone:\nmap: {a: 1}\n"
        + "nested: [a, [b]]\nempty: []\n"
    ).entries
    #expect(
      entries.map(\.name) == ["rank", "targets", "methods", "none", "map", "nested", "empty"])
    #expect(
      entries.map(\.values)
        == [["4"], ["query", "key"], ["lora", "full"], [""], nil, nil, []])
    #expect(entries.map(\.line) == [2, 3, 5, 8, 9, 10, 11])
    #expect(try map("").entries.isEmpty && map("# nothing\n").entries.isEmpty)
  }

  @Test(
    "a document that is not one map of texts is refused with its line",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "more than once", "line 1"),
      // The same name, once as a text and once as a number; found by fuzzing.
      ("x: 0\n\"1\": a\n1: b\n", "more than once", "line 3"),
      ("- a\n- b\n", "not a map", "line 1"), ("a: [b\nc: }", "not YAML", "line 2"),
      ("? [a]\n: b\n", "a name is missing", "line 1"), ("\"\": b\n", "a name is missing", "line 1"),
      ("a: 1\n---\nb: 2\n", "not YAML", "line"), ("a: *b\n", "not YAML", "line 1"),
      ("a: " + String(repeating: "[", count: 100_000), "not YAML", "line 1"),
      ("a: " + String(repeating: "{b: ", count: 100_000), "not YAML", "line 1"),
    ])
  func refusals(text: String, reason: String, place: String) {
    #expect {
      try map(text)
    } throws: { error in
      guard let error = error as? FileError else { return false }
      return error.kind == .malformed && error.path == "run.yaml" && error.reason.contains(reason)
        && error.place.hasPrefix(place) && error.remedy.contains("rank: 8")
        && error.reason.count < 200
    }
  }

  @Test("bytes that are not text are refused")
  func encoding() {
    #expect(throws: FileError.self) {
      try YAMLMap(parsing: [0x61, 0x3A, 0x20, 0xFF], path: "run.yaml", example: "rank: 8")
    }
  }

  @Test("exponentially growing lists of aliases are refused at once, a few aliases are not")
  func aliases() throws {
    #expect(
      try map("a: &same 8\nb: *same\nc: \"*.bias\"").entries.map(\.values) == [
        ["8"], ["8"], ["*.bias"],
      ])
    var lines = ["- &l0 [x, x]"]
    for level in 1...40 { lines.append("- &l\(level) [*l\(level - 1), *l\(level - 1)]") }
    lines.append("- *l40")
    let text = "a:\n  ? \(lines.joined(separator: "\n    "))\n  : 1"
    #expect {
      try map(text)
    } throws: { ($0 as? FileError)?.reason.contains("aliases") == true }
  }

  /// Each of these documents would expand to at least 2^29 values, or take hours to compare.
  static let bombs: [(name: String, text: String)] = {
    func doubling(_ first: String, _ line: (Int) -> String, _ last: String) -> String {
      (["a0: &a0 \(first)"] + (1...29).map { "a\($0): &a\($0) \(line($0 - 1))" } + [last])
        .joined(separator: "\n") + "\n"
    }
    let separators = ["\u{85}", "\u{2028}", "\u{2029}", " # a comment\n  ", "\r"]
    let chunk = String(repeating: "x, ", count: 200_000)
    return [
      (
        "after a colon",
        doubling("{\"x\": 1}", { "{\"p\":*a\($0),\"q\":*a\($0)}" }, "? *a29\n: 1")
      ),
      (
        "merged", doubling("{x: 1}", { "{\"<<\":*a\($0),\"k\($0)\":*a\($0)}" }, "? {<<: *a29}\n: 1")
      ),
      ("as a name in braces", doubling("[1, 2]", { "[*a\($0), *a\($0)]" }, "b: {*a29 : 1}")),
      ("as a name", doubling("[1, 2]", { "[*a\($0),*a\($0)]" }, "*a29 : 1")),
      (
        "few, of a long list",
        "a: &a [\(chunk)x]\n? [\(Array(repeating: "*a", count: 30).joined(separator: ","))]\n: b\n"
      ),
      ("names in names", String(repeating: "? ", count: 900) + "[\(chunk)x]\n"),
      ("names in names, in braces", "a: " + String(repeating: "{? ", count: 900) + "[\(chunk)x]\n"),
      (
        "few, as values",
        "a: &a [\(chunk)x]\n" + (0..<25).map { "b\($0): *a\n" }.joined()
      ),
      (
        "maps of maps",
        "a: &a {\((0..<2000).map { "k\($0): v" }.joined(separator: ", "))}\n"
          + "b: &b {\((0..<15).map { "k\($0): *a" }.joined(separator: ", "))}\n"
          + "c: {\((0..<15).map { "k\($0): *b" }.joined(separator: ", "))}\n"
      ),
    ]
      + separators.map { separator in
        (
          "after \(separator.debugDescription)",
          doubling("[1,2]", { "[\(separator)*a\($0),\(separator)*a\($0)]" }, "? *a29\n: 1")
        )
      }
  }()

  @Test(
    "documents that expand far beyond their size are refused at once", .timeLimit(.minutes(1)),
    arguments: bombs)
  func growth(bomb: (name: String, text: String)) {
    #expect {
      try map(bomb.text)
    } throws: { error in
      guard let error = error as? FileError else { return false }
      return [.malformed, .unsupported].contains(error.kind) && !error.remedy.isEmpty
        && error.reason.count < 200
    }
  }

  @Test("aliases in deep lists do not exhaust the stack")
  func depth() throws {
    var text = "a: &a0 x\n"
    for level in 1...15 {
      let open = String(repeating: "[", count: 900)
      let close = String(repeating: "]", count: 900)
      text += "b\(level): &a\(level) \(open)*a\(level - 1)\(close)\n"
    }
    #expect(try map(text).entries.count == 16)
    #expect(throws: FileError.self) { try map(text + "? *a15\n: 1\n") }
    #expect(throws: FileError.self) { try map(text + "{*a15 : 1}: 1\n") }
  }

  @Test("texts that look like anchors, aliases and questions are only texts")
  func lookalikes() throws {
    let patterns = (0..<50).map { "\"*bias\($0)\"" }.joined(separator: ", ")
    #expect(try map("a: [\(patterns)]\nb: Q & A\n").entries[0].values?.count == 50)
    #expect(try map("a: R&D\nb: [\(patterns)]\n").entries[1].values?.count == 50)
    #expect(try map("question: Is it better? Or (\"?\") not ?\n").entries[0].values?.count == 1)
  }

  @Test("a file of more than a mebibyte, which may be endless, is not read to its end")
  func size() {
    for path in ["/dev/zero"] {
      #expect {
        try YAMLMap(contentsOf: path, example: "rank: 8")
      } throws: { ($0 as? FileError)?.kind == .unsupported }
    }
    #expect {
      try map("a: " + String(repeating: "x", count: 1 << 20))
    } throws: { ($0 as? FileError)?.kind == .unsupported }
  }
}
