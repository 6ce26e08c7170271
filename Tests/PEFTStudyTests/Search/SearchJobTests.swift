import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Searches for settings")
struct SearchJobTests {
  /// A directory with a small model and data, removed on deinit.
  private final class Place {
    let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path

    init() throws {
      let examples = (0..<48).map { index in
        TextExample(
          text: "\(index % 7) \(index.isMultiple(of: 2) ? "good" : "bad") \(index % 3)",
          label: index.isMultiple(of: 2) ? "yes" : "no", line: index + 1)
      }
      try SmallModel.write(to: path + "/model", texts: examples.map(\.text))
      try JSONLinesFile.write(examples, to: path + "/train.jsonl")
      try JSONLinesFile.write(Array(examples.prefix(18)), to: path + "/dev.jsonl")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The job with a learning rate and a method.
    func job(_ values: [String], steps: Int = 9) throws -> TrainingJob {
      let method = try #require(MethodCatalogue.standard.method(named: values[1]))
      var job = TrainingJob(
        modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: method)
      job.devPath = path + "/dev.jsonl"
      job.testPath = path + "/dev.jsonl"
      job.pooling = .mean
      job.settings.length = .steps(steps)
      job.settings.evaluationInterval = 4
      job.settings.batches = BatchPlan(size: .examples(8))
      job.settings.learningRate = try #require(Double(values[0]))
      return job
    }

    func search(
      _ strategy: HyperparameterSearch.Strategy, _ trials: Int
    ) -> HyperparameterSearch {
      HyperparameterSearch(
        space: SearchSpace([
          .init(name: "learning-rate", range: .logUniform(1e-4...1e-1)),
          .init(name: "method", range: .choices(["bitfit", "norm", "head"])),
        ]), strategy: strategy, trialCount: trials, seed: 5)
    }

    /// Runs a search in the directory `name` until `limit` steps have been taken; nil if it was
    /// stopped.
    func run(
      _ search: HyperparameterSearch, _ name: String, limit: Int = .max,
      observe: (SearchEvent) -> Void = { _ in }
    ) throws -> SearchResults? {
      let output = try OutputDirectory.search(path + "/" + name)
      try output.beginSearch(overwriting: false, resuming: true)
      var steps = 0
      return try SearchJob(search, in: output) { try self.job($0) }.run(
        shouldStop: { steps >= limit }
      ) { event in
        if case .training(.step) = event { steps += 1 }
        observe(event)
      }
    }
  }

  /// The results without seconds.
  private static func findings(_ results: SearchResults) -> [String] {
    results.ranked.map { trial in
      let scores = trial.scores.map { score in
        "\(score.step) " + score.metrics.map { "\($0.name) \($0.value)" }.joined(separator: " ")
      }
      return "\(trial.number) \(trial.values) \(trial.steps) \(trial.trainable) "
        + "\(trial.ending.rawValue) \(scores)"
    } + results.test.map { "test \($0.name) \($0.value)" }
  }

  @Test("halving keeps the best of every rung, and they continue to the bits of unbroken runs")
  func halving() throws {
    let place = try Place()
    let search = place.search(.halving(reduction: 2, grace: 0.2), 8)
    #expect(search.schedule.rungs.map(\.trials) == [8, 4, 2])
    var steps = 0
    let found = try place.run(search, "halving") { event in
      if case .training(.step) = event { steps += 1 }
    }
    let results = try #require(found)
    // 3 steps of all, 2 more of four, and 4 more of two.
    #expect(steps == 8 * 3 + 4 * 2 + 2 * 4)
    #expect(results.ranked.map(\.scores.count).sorted(by: >) == [3, 3, 2, 2, 1, 1, 1, 1])
    #expect(results.ranked.map(\.steps).sorted(by: >) == [9, 9, 5, 5, 3, 3, 3, 3])
    for rung in 0..<2 {
      func score(_ trial: SearchTrial) -> Double {
        PrimaryMetric.loss.score(trial.scores[rung].metrics)
          + 1e3 * results.metric.score(trial.scores[rung].metrics)
      }
      let there = results.ranked.filter { $0.scores.count > rung }
      let (kept, left) = (
        there.filter { $0.scores.count > rung + 1 }, there.filter { $0.scores.count == rung + 1 }
      )
      #expect(try #require(kept.map(score).min()) >= #require(left.map(score).max()))
    }
    let best = results.best
    #expect(best.ending == .finished)
    let job = try place.job(best.values)
    let output = try OutputDirectory(place.path + "/unbroken", as: .run)
    var plain = job
    plain.testPath = nil
    let inputs = try plain.inputs()
    _ = try plain.prepare(from: inputs).run(
      in: output, recipe: plain.recipe(of: inputs), resuming: false, shouldStop: { false },
      observe: { _ in })
    for name in ["trained.safetensors", "steps.csv", "metrics.csv"] {
      #expect(
        try FileContents.read(output.path + "/" + name)
          == FileContents.read(place.path + "/halving/best/" + name), "\(name)")
    }
    // Only the best run is left.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.path + "/halving/runs")
        == ["\(best.number)"])
  }

  @Test(
    "a search that is stopped again and again ends as one that was not",
    arguments: ["halving", "tpe"])
  func stopped(name: String) throws {
    let place = try Place()
    let search = place.search(
      name == "tpe" ? .parzen(randomTrials: 2) : .halving(reduction: 2, grace: 0.2),
      name == "tpe" ? 4 : 6)
    let whole = try #require(try place.run(search, "whole"))
    var (stops, results) = (0, SearchResults?.none)
    while results == nil, stops < 100 {
      results = try place.run(search, "stopped", limit: 2 + stops % 3)
      stops += 1
    }
    #expect(stops > 8)
    #expect(try Self.findings(#require(results)) == Self.findings(whole))
    for file in ["trained.safetensors", "steps.csv"] {
      #expect(
        try FileContents.read(place.path + "/stopped/best/" + file)
          == FileContents.read(place.path + "/whole/best/" + file))
    }
    // A finished search trains nothing.
    var steps = 0
    let again = try place.run(search, "whole") { event in
      if case .training = event { steps += 1 }
    }
    #expect(steps == 0)
    #expect(try Self.findings(#require(again)) == Self.findings(whole))
  }

  @Test("more trials continue a search; other settings are refused")
  func extended() throws {
    let place = try Place()
    let three = try #require(try place.run(place.search(.random, 3), "search"))
    var begun = 0
    let five = try #require(
      try place.run(place.search(.random, 5), "search") { event in
        if case .begins = event { begun += 1 }
      })
    #expect(begun == 2 && five.ranked.count == 5)
    let fresh = try #require(try place.run(place.search(.random, 5), "fresh"))
    #expect(Self.findings(five) == Self.findings(fresh))
    #expect(three.ranked.count == 3)
    var other = place.search(.random, 5)
    other.seed = 6
    #expect {
      _ = try place.run(other, "search")
    } throws: {
      "\($0)".contains("settings") && "\($0)".contains("trials/1.json")
    }
  }

  @Test("a trial that diverges is the last, and the search goes on without it")
  func diverged() throws {
    let place = try Place()
    let search = HyperparameterSearch(
      space: SearchSpace([
        .init(name: "learning-rate", range: .choices(["1e-3", "1e38", "1e-2"])),
        .init(name: "method", range: .choices(["bitfit"])),
      ]), strategy: .halving(reduction: 3, grace: 0.2), trialCount: 3, seed: 1)
    let results = try #require(try place.run(search, "search"))
    #expect(results.ranked.map(\.ending) == [.finished, .compared, .diverged])
    #expect(results.ranked[2].values[0] == "1e38")
  }

  @Test("when all that halving has kept diverge, none that it has left is taken for the best")
  func survivorsDiverged() throws {
    let place = try Place()
    let rates = (1...9).map { "\($0)e37" }
    let search = HyperparameterSearch(
      space: SearchSpace([
        .init(name: "learning-rate", range: .choices(rates)),
        .init(name: "method", range: .choices(["bitfit"])),
      ]), strategy: .halving(reduction: 9, grace: 0.1), trialCount: 9, seed: 1)
    #expect(search.schedule.rungs.map { $0.steps(of: 9) } == [1, 9])
    var compared = 0
    #expect(throws: NonFiniteLoss.self) {
      _ = try place.run(search, "search") { event in
        if case .judged(let trial) = event, trial.ending == .compared { compared += 1 }
      }
    }
    #expect(compared > 1)
  }

  @Test("scores after other numbers of steps are not compared with each other")
  func otherSchedule() throws {
    let place = try Place()
    let quarter = place.search(.halving(reduction: 4, grace: 0.2), 4)
    #expect(quarter.schedule.rungs.map { $0.steps(of: 9) } == [3, 9])
    let results = try #require(try place.run(quarter, "search"))
    let half = place.search(.halving(reduction: 2, grace: 0.4), 4)
    #expect(half.schedule.rungs.map { $0.steps(of: 9) } == [5, 9])
    #expect {
      _ = try place.run(half, "search")
    } throws: {
      "\($0)".contains("compared after 3 steps") && "\($0)".contains("trials/1.json")
    }
    // The search goes on as it was begun, also from its finished trial.
    let again = try #require(try place.run(quarter, "search"))
    #expect(Self.findings(again) == Self.findings(results))
  }

  @Test("the test data are measured for the best trial alone")
  func test() throws {
    let place = try Place()
    let results = try #require(try place.run(place.search(.random, 2), "search"))
    #expect(results.test.contains { $0.name == results.metric.name })
    // Dev and test are the same rows here.
    let dev = try #require(results.best.score?.metrics)
    for (name, value) in dev {
      let tested = try #require(results.test.first { $0.name == name }?.value)
      #expect(abs(tested - value) <= 1e-6 * abs(value), "\(name)")
    }
    for trial in results.ranked {
      let text = try String(
        contentsOfFile: place.path + "/search/trials/\(trial.number).json", encoding: .utf8)
      #expect(!text.contains("testData"))
    }
  }
}
