import PEFTTensor
import PEFTTrain
import Testing

@Suite("Maps in YAML")
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
    "what is not one map of texts is refused with its line",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "more than once", "line 1"),
      // The same name, once as a text and once as a number: found by fuzzing.
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

  @Test("bytes that are no text are refused")
  func encoding() {
    #expect(throws: FileError.self) {
      try YAMLMap(parsing: [0x61, 0x3A, 0x20, 0xFF], path: "run.yaml", example: "rank: 8")
    }
  }

  @Test("lists of aliases that grow without end are refused at once, a few aliases are not")
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
}
