import PEFTData
import PEFTTensor
import TestSupport
import Testing

@Suite("Names of classes")
struct LabelMapTests {
  private static func permutations(_ items: [String]) -> [[String]] {
    guard items.count > 1 else { return [items] }
    return items.indices.flatMap { index in
      var others = items
      let first = others.remove(at: index)
      return permutations(others).map { [first] + $0 }
    }
  }

  private static func examples(_ labels: [String]) -> [TextExample] {
    labels.enumerated().map { TextExample(text: "t", label: $1, line: $0 + 1) }
  }

  @Test(
    "for any order of a head's rows, the classes of data follow the order of the rows",
    arguments: [
      ["neg", "pos"], ["b", "A", "c"], ["entailment", "neutral", "contradiction", "other"],
      ["0", "1", "2"], ["-1", "0", "1"], ["é", "e", "E"],
    ])
  func orders(_ names: [String]) throws {
    for rows in Self.permutations(names) {
      for data in Self.permutations(names) {
        let ordered = try #require(LabelMap(data).ordered(likeRowsNamed: rows))
        #expect(ordered.names == rows)
        let classes = try ordered.classes(of: Self.examples(data), path: "d")
        #expect(classes == data.map { rows.firstIndex(of: $0) })
      }
    }
  }

  @Test("case is ignored if that is unambiguous, and numbers name rows if no name is a number")
  func spellings() throws {
    let rows = ["POSITIVE", "NEGATIVE"]
    for (labels, expected) in [
      (["negative", "positive"], ["positive", "negative"]),
      (["Negative", "POSITIVE"], ["POSITIVE", "Negative"]), (["1", "0"], ["0", "1"]),
      (["LABEL_1", "LABEL_0"], ["LABEL_0", "LABEL_1"]),
    ] {
      #expect(LabelMap(labels).ordered(likeRowsNamed: rows)?.names == expected)
      let head = LabelMap(rowsNamed: rows)
      #expect(
        try head.classes(of: Self.examples(labels), path: "d")
          == labels.map { expected.firstIndex(of: $0) })
      #expect(head.note(about: Self.examples(labels), path: "d")?.contains("\(labels[0])") == true)
    }
    #expect(LabelMap(rowsNamed: rows).note(about: Self.examples(rows), path: "d") == nil)
    // Without real names, the numbers are the classes, in order.
    #expect(LabelMap(rowsNamed: ["LABEL_0", "LABEL_1"]).names == ["0", "1"])
    #expect(
      LabelMap(["1", "0"]).ordered(likeRowsNamed: ["LABEL_0", "LABEL_1"])?.names == ["0", "1"])
  }

  @Test(
    "names that do not match each row exactly once give no order",
    arguments: [
      (["a", "b"], ["a", "c"]), (["a", "b"], ["a", "b", "c"]), (["a", "b", "c"], ["a", "b"]),
      (["a", "b"], ["a", "a"]), (["1", "2"], ["x", "y"]), (["yes", "no"], ["A", "a"]),
      (["A", "b"], ["a", "B", "c"]), (["x", "y"], ["LABEL_0", "LABEL_1"]),
      // Row 1 is called "0", so "0" is ambiguous and must not be guessed.
      (["1", "2"], ["1", "0"]), (["a", "A"], ["a", "B"]),
    ])
  func others(_ item: (labels: [String], rows: [String])) {
    #expect(LabelMap(item.labels).ordered(likeRowsNamed: item.rows) == nil)
  }

  @Test("labels that differ only in case are distinct, and unknown ones are refused")
  func ambiguous() throws {
    let map = LabelMap(["no", "No", "yes"])
    #expect(try map.classes(of: Self.examples(["No", "no"]), path: "d") == [0, 1])
    for labels in [["NO"], ["yes", "maybe"]] {
      let error = #expect(throws: FileError.self) {
        try map.classes(of: Self.examples(labels), path: "d")
      }
      #expect(error?.place == "line \(labels.count)")
    }
  }
}
