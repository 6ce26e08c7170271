import Foundation
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTrain
import Testing

@Suite("Rows of suites")
struct SuiteRowTests {
  private static func suite(
    problems: [String] = ["task"], methods: [(name: String, kind: Study.Kind)],
    budgets: [Double] = [0.01]
  ) -> Study {
    Study(
      name: "example", question: "?",
      problems: problems.map {
        Study.Problem(
          name: $0, job: TrainingJob(modelDirectory: "m", trainPath: "t", method: HeadTuning()))
      }, seeds: [1], learningRates: [1e-3], budgets: budgets, probes: [:],
      methods: methods.map { Study.Method(name: $0.name, kind: $0.kind) }, ours: "ours",
      baselines: [])
  }

  private static let chosen = Study.Kind.selection(
    Study.Choice(probe: "walk", solver: .exact))

  private static let fixed = Study.Kind.fixed(HeadTuning())

  @Test(
    "two rows that would share a directory are refused, and so is a row without a valid one",
    arguments: [
      (["ours@1%"], [0.01], "ours@1%"), (["A", "a"], [0.01], "A"),
      (["\u{E9}", "e\u{301}"], [0.01], "\u{E9}"), ([], [0.01, 0.01000000001], "ours@1%"),
      (["a/b"], [0.01], "a/b"),
    ])
  func collisions(names: [String], budgets: [Double], named: String) throws {
    let suite = Self.suite(
      methods: [("ours", Self.chosen)] + names.map { ($0, Self.fixed) }, budgets: budgets)
    let rows = try suite.rows
    let error = #expect(throws: InvalidSetting.self) { try Study.check(rows) }
    #expect(error?.description.contains(named) == true)
  }

  @Test("rows of different problems may share a name")
  func problems() throws {
    let suite = Self.suite(
      problems: ["a", "b"], methods: [("ours", Self.chosen), ("c", Self.fixed)])
    let rows = try suite.rows
    try Study.check(rows)
    #expect(rows.map(\.label) == ["ours@1%", "c", "ours@1%", "c"])
  }

  @Test("what is chosen by measuring has a row for each budget, which says what it includes")
  func budgets() throws {
    var suite = Self.suite(
      methods: [("adapt", .measured(MeasuredChoice(for: TrainingSettings()))), ("c", Self.fixed)],
      budgets: [0.0001, 0.01])
    #expect(try suite.rows.map(\.label) == ["adapt@0.01%", "adapt@1%", "c"])
    suite.budgetsIncludeHead = false
    #expect(try suite.rows.map(\.label) == ["adapt@0.01%+head", "adapt@1%+head", "c"])
  }

  @Test("problems that would share a directory are refused before their models are read")
  func equalProblems() throws {
    let output = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: output) }
    let suite = Self.suite(problems: ["Task", "task"], methods: [("c", Self.fixed)])
    let error = #expect(throws: InvalidSetting.self) {
      try SuiteJob(suite, in: .suite(output, overwriting: false, resuming: false))
    }
    #expect(error?.description.contains("\"Task\" and \"task\"") == true)
  }

  @Test("a study with too many rows is refused before all are made")
  func limit() throws {
    let suite = Self.suite(
      problems: (0..<1000).map { "p\($0)" },
      methods: (0..<1000).map { ("m\($0)", Self.chosen) },
      budgets: (1...1000).map { Double($0) / 1000 })
    #expect(throws: InvalidSetting.self) { try suite.rows }
    let large = Self.suite(
      problems: (0..<100).map { "p\($0)" }, methods: (0..<1000).map { ("m\($0)", Self.fixed) })
    #expect(try large.rows.count == Study.rowLimit)
  }
}
