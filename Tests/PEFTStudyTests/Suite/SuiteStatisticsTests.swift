import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain
import Testing

@Suite("Statistics of suites")
struct SuiteStatisticsTests {
  /// Results of methods on one problem with 10,000 parameters: family, size, and for each seed the
  /// scores on dev and test.
  private static func results(
    _ methods: [(name: String, family: String, size: Int, dev: [Double], test: [Double])],
    budgets: [Double] = [0.01, 0.1], budgetsIncludeHead: Bool = true, measuredRows: Int = 0,
    seeds: [UInt64] = [1, 2, 3, 4, 5], metric: any PredictionTask = classes
  ) throws -> StudyResults {
    let suite = Study(
      name: "example", question: "?",
      problems: [
        Study.Problem(
          name: "task",
          job: TrainingJob(modelDirectory: "m", trainPath: "t", method: HeadTuning()))
      ], seeds: seeds, learningRates: [1e-3], budgets: budgets,
      budgetsIncludeHead: budgetsIncludeHead, probes: [:],
      methods: (measuredRows > 0
        ? [Study.Method(name: "ours", kind: .measured(MeasuredChoice(for: TrainingSettings())))]
        : [])
        + methods.dropFirst(measuredRows).map {
          Study.Method(
            name: $0.name, family: $0.family,
            kind: .fixed($0.name == "head" ? HeadTuning() : FullTuning()))
        }, ours: "ours", baselines: ["lora", "bitfit"])
    let name = metric.primaryMetric.name
    return StudyResults(
      study: suite, metrics: ["task": metric.primaryMetric], parameters: ["task": 10_000],
      heads: ["task": 10],
      entries: zip(try suite.rows, methods).map { row, method in
        StudyResults.Entry(
          row: row,
          trials: zip(method.dev, method.test).enumerated().map { index, scores in
            StudyTrial(
              run: StudyRun(
                seed: UInt64(index + 1), learningRate: 1e-3, trainable: method.size, steps: 1,
                seconds: 1, probeSeconds: 0,
                metrics: [("dev", [(name, scores.0)]), ("test", [(name, scores.1)])],
                footprint: StudyRun.Footprint(
                  head: 10, parameters: 10_000, storedBytes: 4 * method.size, peakMemory: 1)),
              isChosen: true)
          })
      })
  }

  private static let classes: any PredictionTask = Classification(LabelMap(["a", "b"]))

  private static func flat(_ value: Double) -> [Double] { Array(repeating: value, count: 5) }

  @Test(
    "a family's representative fits and is best on the dev data, whatever the test data say"
  )
  func representatives() throws {
    let results = try Self.results([
      ("r1", "lora", 50, Self.flat(0.6), Self.flat(0.9)),
      ("r2", "lora", 100, Self.flat(0.7), Self.flat(0.5)),
      ("r4", "lora", 900, Self.flat(0.9), Self.flat(0.8)),
      ("ours", "ours", 100, Self.flat(0.6), Self.flat(0.6)),
    ])
    let statistics = SuiteStatistics(results)
    #expect(statistics.representative("lora", on: "task", within: 100)?.row.method == "r2")
    #expect(statistics.representative("lora", on: "task", within: 1000)?.row.method == "r4")
    #expect(statistics.representative("lora", on: "task", within: 40) == nil)
    let small = try #require(
      statistics.difference("ours", against: ["lora", "bitfit"], on: "task", budget: 0.01))
    #expect(abs(small.difference.value - 0.1) < 1e-12 && small.verdict == .win)
    let large = try #require(
      statistics.difference("ours", against: ["lora"], on: "task", budget: 0.1))
    #expect(abs(large.difference.value + 0.2) < 1e-12 && large.verdict == .loss)
    let tally = statistics.tally("ours", against: "lora")
    #expect(tally.wins == 1 && tally.ties == 0 && tally.losses == 1)
  }

  @Test("budgets beside the head do not count it")
  func besideHead() throws {
    let methods = [
      ("r1", "lora", 110, Self.flat(0.6), Self.flat(0.6)),
      ("r2", "lora", 111, Self.flat(0.7), Self.flat(0.7)),
    ]
    for (includesHead, fitting) in [(true, nil), (false, "r1")] {
      let statistics = SuiteStatistics(
        try Self.results(methods, budgetsIncludeHead: includesHead))
      let found = statistics.representative("lora", on: "task", within: 100)
      #expect(found?.row.method == fitting)
    }
  }

  @Test("what is chosen by measuring stands for its own budget, even if a smaller one did better")
  func measured() throws {
    let results = try Self.results(
      [
        ("ours", "ours", 90, Self.flat(0.9), Self.flat(0.9)),
        ("ours", "ours", 900, Self.flat(0.7), Self.flat(0.7)),
        ("r1", "lora", 80, Self.flat(0.8), Self.flat(0.8)),
      ], measuredRows: 2)
    #expect(results.entries.map(\.row.label) == ["ours@1%", "ours@10%", "r1"])
    let headline = SuiteStatistics(results).headline
    #expect(headline.map(\.ours.row.label) == ["ours@1%", "ours@10%"])
    #expect(headline.map(\.verdict) == [.win, .loss])
    // Nor does it borrow the smaller one's score when another family is compared with it.
    let large = try #require(
      SuiteStatistics(results).difference("lora", against: ["ours"], on: "task", budget: 0.1))
    #expect(large.other.row.label == "ours@10%" && large.verdict == .win)
  }

  @Test("the smallest member that is enough is chosen on the dev data and judged on the test data")
  func sufficient() throws {
    let results = try Self.results([
      ("all", "full", 10_000, Self.flat(0.8), Self.flat(0.9)),
      ("r1", "lora", 50, Self.flat(0.75), Self.flat(0.9)),
      ("r2", "lora", 100, Self.flat(0.78), Self.flat(0.81)),
      ("r4", "lora", 900, Self.flat(0.81), Self.flat(0.7)),
    ])
    let statistics = SuiteStatistics(results)
    func found(_ share: Double) -> (String?, Double?) {
      let found = statistics.sufficient("lora", on: "task", share: share)
      return (found?.entry.row.method, found?.testShare)
    }
    #expect(found(0.93) == ("r1", 1))
    #expect(found(0.97).0 == "r2" && abs((found(0.97).1 ?? 0) - 0.9) < 1e-12)
    #expect(found(1).0 == "r4")
    #expect(found(1.02).0 == nil)
    let others = try Self.results([("head", "head", 10, Self.flat(0.8), Self.flat(0.9))])
    #expect(SuiteStatistics(others).sufficient("head", on: "task", share: 0.1) == nil)
  }

  @Test("the interval is that of paired means: a common variation of the seeds is no uncertainty")
  func pairing() throws {
    let swing = [0.1, 0.5, 0.2, 0.9, 0.3]
    let results = try Self.results([
      ("ours", "ours", 50, swing, swing.map { $0 + 0.01 }), ("b", "bitfit", 50, swing, swing),
      ("r1", "lora", 50, swing, Array(swing.reversed())),
    ])
    let statistics = SuiteStatistics(results)
    let paired = try #require(
      statistics.difference("ours", against: ["bitfit"], on: "task", budget: 0.01))
    #expect(paired.difference.low > 0.0099 && paired.difference.high < 0.0101)
    #expect(paired.verdict == .win)
    let crossed = try #require(
      statistics.difference("ours", against: ["lora"], on: "task", budget: 0.01))
    #expect(crossed.verdict == .tie)
    // The standard error of the mean of 5 differences with standard deviation 0.37 is 0.17.
    #expect(crossed.difference.low < -0.2 && crossed.difference.high > 0.2)
  }

  @Test("intervals over five seeds contain the mean of normal scores about 93 times in a hundred")
  func coverage() throws {
    let bootstrap = SeedBootstrap(seeds: 5)
    var generator = SeededGenerator(seed: 7, purpose: "coverage")
    let trials = 400
    let held = (0..<trials).count { _ in
      let values = (0..<5).map { _ in Double(generator.normal()) }
      let estimate = bootstrap.estimate(values)
      return estimate.low <= 0 && 0 <= estimate.high
    }
    // Plain percentiles contain it 83 times in a hundred. No resample of five values lies outside
    // the range of the values, which explains the rest of the gap to 95. The standard error is 1.3.
    #expect((0.89...0.97).contains(Double(held) / Double(trials)))
  }

  @Test("intervals over fewer seeds are Student's", arguments: [2, 3, 4])
  func fewSeeds(count: Int) throws {
    let bootstrap = SeedBootstrap(seeds: count)
    var generator = SeededGenerator(seed: 8, purpose: "coverage")
    let held = (0..<400).count { _ in
      let estimate = bootstrap.estimate((0..<count).map { _ in Double(generator.normal()) })
      return estimate.low <= 0 && 0 <= estimate.high
    }
    // The standard error of 95 in a hundred is 1.1.
    #expect((0.915...0.985).contains(Double(held) / 400))
  }

  @Test("a run without a finite score removes its row, and the report says so")
  func withoutResult() throws {
    let results = try Self.results([
      ("ours", "ours", 50, Self.flat(0.5), [0.5, 0.5, .nan, 0.5, 0.5]),
      ("b", "bitfit", 50, Self.flat(0.5), Self.flat(0.5)),
    ])
    #expect(SuiteStatistics(results).headline.isEmpty)
    #expect(SuiteStatistics(results).families(on: "task") == ["bitfit"])
  }

  @Test("percentiles are moved outwards by the difference between the normal and Student's t")
  func tails() throws {
    // Student's t for 95 %, from a table.
    for (degrees, bound) in [
      (1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (30, 2.04227),
    ] {
      let student = StudentDistribution(degrees: degrees)
      #expect(abs(student.bound(keptWith: 0.95) - bound) < 1e-4)
      #expect(abs(student.probability(within: bound) - 0.95) < 1e-5)
    }
    #expect(StudentDistribution(degrees: 5).probability(within: 0) == 0)
    // Φ(−√1.25 · 2.776445) and Φ(−√(30/29) · 2.045230).
    #expect(abs(SeedBootstrap.tail(seeds: 5) - 0.0009541005518824974) < 1e-8)
    #expect(abs(SeedBootstrap.tail(seeds: 30) - 0.018753900278220548) < 1e-8)
    #expect(SeedBootstrap.tail(seeds: 1) == 0)
  }

  @Test("the area is the mean of the frontier's steps on a logarithmic axis")
  func areas() throws {
    // For budgets from 100 to 1000 parameters, the score is 0.5 up to 316.2 and 0.7 after that: the
    // two halves of a logarithmic axis, up to rounding.
    let results = try Self.results([
      ("s", "ours", 80, Self.flat(0.5), Self.flat(0.5)),
      ("m", "ours", 316, Self.flat(0.6), Self.flat(0.7)),
      ("l", "ours", 5000, Self.flat(1), Self.flat(1)),
      ("big", "lora", 500, Self.flat(0.8), Self.flat(0.8)),
    ])
    let areas = SuiteStatistics(results).areas(on: "task")
    #expect(areas.map(\.family) == ["ours"])
    let part = log(1000.0 / 316) / log(10)
    #expect(abs(areas[0].mean.value - (0.5 + 0.2 * part)) < 1e-12)
    #expect(areas[0].mean.low <= areas[0].mean.value && areas[0].mean.value <= areas[0].mean.high)
  }

  @Test("the head alone represents a family if none of its members fits")
  func floor() throws {
    let results = try Self.results([
      ("head", "head", 10, Self.flat(0.4), Self.flat(0.4)),
      ("big", "lora", 316, Self.flat(0.8), Self.flat(0.8)),
    ])
    let areas = SuiteStatistics(results).areas(on: "task")
    #expect(areas.map(\.family) == ["head", "lora"])
    let part = log(1000.0 / 316) / log(10)
    #expect(abs(areas[1].mean.value - (0.4 + 0.4 * part)) < 1e-12)
    #expect(abs(areas[0].mean.value - 0.4) < 1e-12)
  }

  @Test("lower perplexity is better")
  func lowerIsBetter() throws {
    let results = try Self.results(
      [
        ("ours", "ours", 50, Self.flat(20), Self.flat(20)),
        ("b", "bitfit", 50, Self.flat(30), Self.flat(30)),
      ], metric: LanguageModelling(TextWindows(context: 8, stride: 8)))
    let difference = try #require(
      SuiteStatistics(results).difference("ours", against: ["bitfit"], on: "task", budget: 0.01))
    #expect(difference.verdict == .win && difference.difference.value == 10)
  }

  @Test(
    "shards of a suite",
    arguments: [
      ("1/1", true), ("2/4", true), ("4/4", true), ("0/4", false), ("5/4", false), ("1", false),
      ("1/0", false), ("a/2", false), ("1/2/3", false), ("-1/2", false),
    ])
  func shards(_ item: (text: String, isRight: Bool)) {
    #expect((StudyShard(item.text) != nil) == item.isRight)
  }
}
