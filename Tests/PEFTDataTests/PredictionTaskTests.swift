import PEFTData
import PEFTTensor
import PEFTText
import Testing

@Suite("Labels and tasks")
struct PredictionTaskTests {
  static func examples(_ labels: [String?]) -> [TextExample] {
    labels.enumerated().map { TextExample(text: "t", label: $1, line: $0 + 2) }
  }

  /// The task for the labels of these examples.
  static func task(
    training examples: [TextExample], kind: TaskKind = .auto, path: String
  ) throws -> any PredictionTask {
    let tokenizer = try ByteLevelBPETrainer.train(
      texts: ["t"], vocabularySize: 300, specialTokens: SpecialTokenTemplate.roberta.specialTokens
    ).tokenizer(template: .roberta)
    return try TaskReader(isCausal: false, tokenizer: tokenizer, maximumLength: 8).task(
      of: TaskReader.Rows(examples: examples, path: path), kind: kind,
      windows: TextWindows(context: 8))
  }

  @Test(
    "the order of classes depends only on the set of names",
    arguments: [
      (["b", "a", "b"], ["a", "b"]), (["10", "9", "-1", "10"], ["-1", "9", "10"]),
      (["10", "9", "x"], ["10", "9", "x"]), (["a", "Z", "é", "z"], ["Z", "a", "z", "é"]),
      (["1", "01", "0"], ["0", "01", "1"]),
      (["99999999999999999999", "3"], ["3", "99999999999999999999"]),
    ])
  func order(labels: [String], names: [String]) {
    #expect(LabelMap(labels).names == names)
    #expect(LabelMap(labels.reversed()).names == names)
    for (index, name) in names.enumerated() { #expect(LabelMap(labels).index(of: name) == index) }
  }

  @Test(
    "auto is regression if all labels are numbers and one is not an integer",
    arguments: [
      (["0", "1"], false), (["3.5", "1"], true), (["1.0", "0.0"], false), (["3.5", "x"], false),
      (["-0.25", "1e-3"], true), (["nan", "0.5"], false),
      ((0..<150).flatMap { ["\($0)", "\($0)"] }, false),
    ])
  func auto(labels: [String], isRegression: Bool) throws {
    let task = try Self.task(training: Self.examples(labels), path: "p")
    #expect((task is Regression) == isRegression)
  }

  @Test(
    "a label among scores that is not a number is refused with its line, not made a class",
    arguments: [
      "nan", "NaN", "inf", "-inf", "1e400", "1,5", "n/a", "N/A", "-", " 1.5", "1.5 ", "\u{2212}1.5",
      "1.5%",
    ])
  func slips(label: String) throws {
    for labels in [
      ["1.5", "2.5", "3.0", "0.5", label], [label, "1.5", "2.5"],
      (0..<200).map { "\(Double($0) / 8)" } + [label],
    ] {
      let error = #expect(throws: FileError.self) {
        try Self.task(training: Self.examples(labels), path: "p")
      }
      #expect(error?.place == "line \((labels.firstIndex(of: label) ?? 0) + 2)")
      #expect(error?.reason.contains("\"\(label)\"") == true)
      #expect(error?.remedy.contains("`task` classification") == true)
      #expect(error?.remedy.contains("`task` regression") == true)
      let classes = try Self.task(
        training: Self.examples(labels), kind: .classification, path: "p")
      #expect(classes.isSame(as: Classification(LabelMap(labels))))
    }
  }

  @Test("a column of misspelt scores is refused at its first row")
  func foreignSpelling() {
    for labels in [
      ["1,5", "2,5", "3,0"], [" 1.5", " 2.5"], ["n/a", "n/a", "n/a", "0.5", "1.5", "2.5", "3.5"],
    ] {
      let error = #expect(throws: FileError.self) {
        try Self.task(training: Self.examples(labels), path: "p")
      }
      #expect(error?.place == "line 2")
    }
  }

  @Test(
    "integers, and names with a few numbers among them, are classes",
    arguments: [
      ["1", "2", "n/a"], ["1.0", "2.0", "nan"], ["gpt-3.5", "gpt-4", "3.5"], ["a", "b", "0.5"],
      ["yes", "no", "1,5", "2"], ["1,000", "2,000", "x"],
    ])
  func classes(labels: [String]) throws {
    #expect(
      try Self.task(training: Self.examples(labels), path: "p")
        .isSame(as: Classification(LabelMap(labels))))
  }

  @Test("an explicit kind wins")
  func explicit() throws {
    let whole = Self.examples(["0", "1", "1"])
    let regression = try Self.task(training: whole, kind: .regression, path: "p")
    let rows = TaskReader.Rows(examples: whole, path: "p")
    #expect(try (regression as? Regression)?.targets(of: rows) == .values([0, 1, 1]))
    #expect(regression.output(pooling: .last) == .classes(1, pooling: .last))
    let real = Self.examples(["0.5", "0.25"])
    let classes = try Self.task(training: real, kind: .classification, path: "p")
    let realRows = TaskReader.Rows(examples: real, path: "p")
    #expect(try (classes as? Classification)?.targets(of: realRows) == .classes([1, 0]))
    #expect(classes.output(pooling: .mean) == .classes(2, pooling: .mean))
  }

  @Test("unusable labels are refused with their line")
  func refusals() throws {
    let task = try #require(
      Self.task(training: Self.examples(["neg", "pos"]), path: "train") as? Classification)
    let unseen = #expect(throws: FileError.self) {
      try task.targets(of: TaskReader.Rows(examples: Self.examples(["neg", "good"]), path: "dev"))
    }
    #expect(unseen?.path == "dev")
    #expect(unseen?.place == "line 3")
    #expect(unseen?.reason.contains("\"good\"") == true)
    #expect(unseen?.reason.contains("neg, pos") == true)
    let unlabelled = #expect(throws: FileError.self) {
      try task.targets(of: TaskReader.Rows(examples: Self.examples([nil]), path: "dev"))
    }
    #expect(unlabelled?.place == "line 2")
    let text = #expect(throws: FileError.self) {
      try Self.task(training: Self.examples(["1", "inf"]), kind: .regression, path: "p")
    }
    #expect(text?.place == "line 3")
    #expect(throws: FileError.self) {
      try Self.task(training: Self.examples(["1", "1"]), path: "p")
    }
    #expect(throws: FileError.self) { try Self.task(training: [], path: "p") }
  }

  @Test("a task survives a round trip through JSON")
  func json() throws {
    for task: any PredictionTask in [
      Regression(), Classification(LabelMap(["b", "10", "é\""])), Completion(),
      TokenClassification(LabelMap(["O", "B-PER"])),
      LanguageModelling(TextWindows(context: 8, stride: 3)),
    ] {
      let text = task.json.text(pretty: true)
      let again = try TaskCatalogue.standard.task(
        json: JSONValue(parsing: text.utf8), path: "p")
      #expect(again.isSame(as: task))
    }
  }

  @Test(
    "JSON that describes no task is refused",
    arguments: [
      "{}", "[]", #"{"task":"ranking"}"#, #"{"task":"classification"}"#,
      #"{"task":"classification","labels":[]}"#, #"{"task":"classification","labels":["a",1]}"#,
      #"{"task":"classification","labels":["a","a"]}"#, #"{"task":"token-classification"}"#,
      #"{"task":"language","context":8,"stride":9}"#,
    ])
  func malformedJSON(text: String) throws {
    let document = try JSONValue(parsing: text.utf8)
    #expect(throws: FileError.self) { try TaskCatalogue.standard.task(json: document, path: "p") }
  }

  @Test("lists are several labels, and so are texts with a separator if that is said")
  func severalLabels() throws {
    let lists = [["b", "a"], [], ["c", "a", "a"]].enumerated().map {
      TextExample(text: "t", labels: $1, line: $0 + 1)
    }
    let task = try Self.task(training: lists, path: "p")
    let found = try #require(task as? MultiLabelClassification)
    #expect(found.labels.names == ["a", "b", "c"] && found.thresholds == [0.5, 0.5, 0.5])
    let again = try TaskCatalogue.standard.task(
      json: found.answering(from: 0.25).json, path: "p")
    #expect(again.isSame(as: found.answering(from: 0.25)))
    for (labels, names) in [
      (["x | y", "z,w", ""], ["x", "y", "z,w"]), (["x;y", "z"], ["x", "y", "z"]),
      (["x, y", "y"], ["x", "y"]),
    ] {
      let task = try Self.task(
        training: Self.examples(labels), kind: .multiLabel, path: "p")
      #expect((task as? MultiLabelClassification)?.labels.names == names, "\(labels)")
    }
    // Without the task's name, each text is one label.
    #expect(try Self.task(training: Self.examples(["x|y", "z"]), path: "p") is Classification)
    let error = #expect(throws: FileError.self) {
      try Self.task(training: lists, kind: .classification, path: "p")
    }
    #expect(error?.place == "line 1" && error?.remedy.contains("`task` multi-label") == true)
    #expect(throws: FileError.self) {
      try Self.task(training: Self.examples(["x", "x"]), kind: .multiLabel, path: "p")
    }
  }
}
