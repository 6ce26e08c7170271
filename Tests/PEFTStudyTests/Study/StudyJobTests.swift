import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Studies")
struct StudyJobTests {
  /// A directory with a small model and data, removed on deinit.
  private final class Place {
    let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
    var job: TrainingJob {
      var job = TrainingJob(
        modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: FullTuning())
      job.devPath = path + "/dev.jsonl"
      job.testPath = path + "/dev.jsonl"
      job.pooling = .mean
      job.settings.length = .steps(3)
      job.settings.batches = BatchPlan(size: .examples(8))
      return job
    }

    init() throws {
      let examples = (0..<40).map { index in
        TextExample(
          text: "\(index % 7) \(index.isMultiple(of: 2) ? "good" : "bad")",
          label: index.isMultiple(of: 2) ? "yes" : "no", line: index + 1)
      }
      try SmallModel.write(to: path + "/model", texts: examples.map(\.text))
      try JSONLinesFile.write(examples, to: path + "/train.jsonl")
      try JSONLinesFile.write(Array(examples.prefix(16)), to: path + "/dev.jsonl")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func compare(
      _ methods: [Study.Method], in name: String, seeds: [UInt64] = [1, 2],
      rates: [Double] = [1e-3, 1e-2], observe: (StudyEvent) -> Void = { _ in }
    ) throws -> Comparison {
      let output = try OutputDirectory.comparison(
        path + "/" + name, overwriting: false, resuming: false)
      let comparison = try ComparisonJob(base: job, seeds: seeds, learningRates: rates).run(
        methods, budget: nil, for: job.prepare(), in: output, observe: observe)
      return try #require(comparison)
    }
  }

  private static let methods = [
    Study.Method(name: "head", kind: .fixed(HeadTuning())),
    Study.Method(name: "bitfit", kind: .fixed(BiasTuning())),
  ]

  private func numbers(_ comparison: Comparison) -> [String] {
    comparison.entries.flatMap { entry in
      entry.runs.map { "\(entry.label) \(entry.learningRate) \($0.seed) \($0.metrics)" }
    }
  }

  @Test("files that disappear after they were read do not matter")
  func readOnce() throws {
    let place = try Place()
    let expected = numbers(try place.compare(Self.methods, in: "before"))
    #expect(expected.count == 4)
    var isGone = false
    let found = try place.compare(Self.methods, in: "after") { event in
      guard case .run = event, !isGone else { return }
      isGone = true
      for name in ["model", "train.jsonl", "dev.jsonl"] {
        try? FileManager.default.removeItem(atPath: place.path + "/" + name)
      }
    }
    #expect(isGone && numbers(found) == expected)
  }

  @Test("a comparison and a suite of one problem have the same runs")
  func sameRuns() throws {
    let place = try Place()
    let comparison = try place.compare(Self.methods, in: "comparison")
    let study = Study(
      name: "one", question: "", problems: [Study.Problem(name: "task", job: place.job)],
      seeds: [1, 2], learningRates: [1e-3, 1e-2], budgets: [0.1], methods: Self.methods,
      ours: "head", baselines: ["bitfit"])
    let suite = try SuiteJob(
      study, in: .suite(place.path + "/suite", overwriting: false, resuming: false))
    #expect(try suite.run(shouldStop: { false }, observe: { _ in }))
    let results = try suite.results()
    #expect(results.entries.map(\.row.label) == comparison.entries.map(\.label))
    for (entry, other) in zip(results.entries, comparison.entries) {
      // Both rates run with the first seed, the chosen one also with the second.
      #expect(entry.trials.count == 3 && entry.chosen.count == 2)
      #expect(entry.trainable == other.trainable)
      #expect(entry.chosen.map(\.learningRate) == [other.learningRate, other.learningRate])
      for (run, twin) in zip(entry.chosen, other.runs) {
        #expect(run.seed == twin.seed && run.steps == twin.steps)
        #expect("\(run.metrics)" == "\(twin.metrics)")
      }
    }
  }

  @Test("a method can have learning rates of its own, or find them")
  func ratesOfMethods() throws {
    let place = try Place()
    var methods = Self.methods
    methods[0].learningRates = [3e-3]
    methods[1].learningRates = []
    var counts: [Int] = []
    let found = try place.compare(methods, in: "own") { event in
      if case .progress(_, let count) = event { counts.append(count) }
    }
    #expect(found.entries.map(\.learningRate).first == 3e-3)
    let own = try #require(found.entries.last?.learningRate)
    #expect(own > 0 && ![1e-3, 1e-2].contains(own))
    #expect(Set(counts) == [4])
  }

  @Test("every run is counted: those done, and all")
  func progress() throws {
    let place = try Place()
    var counts: [[Int]] = []
    _ = try place.compare(Self.methods, in: "counted") { event in
      if case .progress(let done, let count) = event { counts.append([done, count]) }
    }
    // Two rates with the first seed and one with the second, for two methods.
    #expect(counts == [0, 1, 2, 3, 3, 4, 5, 6].map { [$0, 6] })
  }

  @Test("a comparison has a baseline, marks what exceeds the budget, and is read back")
  func judged() throws {
    let place = try Place()
    let output = try OutputDirectory.comparison(
      place.path + "/judged", overwriting: false, resuming: false)
    let prepared = try place.job.prepare()
    let head = prepared.model.taskParameters.reduce(0) { $0 + $1.count }
    let lora = try #require(
      Study.Method(named: "lora", budget: head + 1, targets: [], for: prepared.model))
    #expect(lora.name == "lora r1")
    // So small a rate changes nothing, and a random head is no better than chance.
    let job = ComparisonJob(base: place.job, seeds: [1], learningRates: [1e-12])
    let found = try #require(
      try job.run([Self.methods[0], lora], budget: head + 1, for: prepared, in: output))
    let baseline = try #require(found.baseline(on: "test"))
    #expect(baseline.answer == "no" && baseline["accuracy"] == 0.5 && baseline.rowCount == 16)
    #expect(found.entries.map(found.isOverBudget) == [false, true])
    let note = try #require(found.budgetNote)
    #expect(note.hasPrefix("over the budget of ") && note.contains(": lora r1 "))
    #expect(found.warnings.contains { $0.contains("not distinguishably better than the baseline") })
    let read = try Comparison.read(output.path)
    #expect(read.json == found.json && read.notes == found.notes)
    #expect(found.json["methods"]?.array?.map { $0["overBudget"] } == [.bool(false), .bool(true)])
    let page = try String(contentsOfFile: output.path + "/report.html", encoding: .utf8)
    #expect(page.contains("lora r1 (over budget: ") && page.contains(">baseline<"))
  }

  @Test("LoRA and DoRA have the largest rank within a budget")
  func sizes() throws {
    let place = try Place()
    let model = try place.job.prepare().model
    for name in ["lora", "dora"] {
      func trained(_ budget: Int) throws -> Int {
        let sized = try #require(
          Study.Method(named: name, budget: budget, targets: [], for: model))
        guard case .fixed(let method) = sized.kind else { return 0 }
        method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
        defer { model.detachAdapters() }
        return model.trainableCount
      }
      let one = try trained(1)
      let perRank = try trained(one * 4) - one
      #expect(perRank > 0 && perRank.isMultiple(of: 128))
      for budget in [one, one + 1, 2 * one, 3 * one + 7] {
        #expect(try trained(budget) <= budget, "\(name) \(budget)")
      }
      // One parameter more is a rank more.
      let two = try trained(2 * one)
      #expect(try trained(two) == two && trained(two - 1) < two)
    }
  }

  @Test("without rates, a run finds its own, and setting that rate gives the same results")
  func ownRates() throws {
    let place = try Place()
    let found = try place.compare(Self.methods, in: "found", rates: [])
    for (entry, method) in zip(found.entries, Self.methods) {
      #expect(entry.learningRate > 0)
      let set = try place.compare([method], in: "set \(method.name)", rates: [entry.learningRate])
      // The rate is that of the first seed.
      #expect(entry.runs[0]["loss", "dev"] == set.entries[0].runs[0]["loss", "dev"])
    }
  }

  @Test("two methods with one name are refused")
  func equalNames() throws {
    let place = try Place()
    #expect(throws: InvalidSetting.self) {
      try place.compare([Self.methods[0], Self.methods[0]], in: "twice")
    }
  }

  @Test("a rate that diverges is not chosen; if all diverge, the run's error is thrown")
  func divergence() throws {
    let place = try Place()
    let found = try place.compare([Self.methods[1]], in: "one", seeds: [1], rates: [1e30, 1e-3])
    #expect(found.entries.map(\.learningRate) == [1e-3])
    #expect(throws: NonFiniteLoss.self) {
      try place.compare([Self.methods[1]], in: "all", seeds: [1], rates: [1e30, 1e31])
    }
  }
}
