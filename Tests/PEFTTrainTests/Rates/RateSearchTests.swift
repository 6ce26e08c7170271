import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Search for the learning rate")
struct RateSearchTests {
  private static let words = ["good", "fine", "great", "bad", "poor", "dull"]

  /// A job on short texts whose first word decides the label.
  private static func prepared(
    _ method: any AdaptationMethod, steps: Int = 40, hasDev: Bool = true
  ) throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-rates-\(UUID().uuidString)").path
    let rows = (0..<96).map { index in
      TextExample(
        text: "\(words[index % 6]) film number \(index % 7)", label: index % 6 < 3 ? "yes" : "no",
        line: index + 1)
    }
    try SmallModel.write(to: directory + "/model", texts: rows.map(\.text), hiddenSize: 32)
    try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl", method: method)
    if hasDev { job.devPath = job.trainPath }
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    job.settings.length = .steps(steps)
    return try job.prepare()
  }

  private static func bytes(of job: PreparedJob) -> [[Float]] {
    job.model.parameters.map(\.parameter.value.elements)
  }

  private static func find(_ job: PreparedJob) throws -> RunBeginning {
    try #require(try job.findRate(shouldStop: { false }, observe: { _ in }))
  }

  @Test(
    "the run continues from the best beginning as if its rate had been set",
    arguments: [(40, true), (40, false), (64, true)])
  func continues(steps: Int, hasDev: Bool) throws {
    let job = try Self.prepared(LowRankAdaptation(rank: 2), steps: steps, hasDev: hasDev)
    let before = Self.bytes(of: job)
    let found = try Self.find(job)
    #expect(Self.bytes(of: job) == before)
    #expect(found.search.arms.count >= 2)
    // An eighth of 40 steps is too few to compare.
    #expect((steps == 40 ? [10] : [8, 16]).contains(found.search.steps))
    var settings = job.job.settings
    settings.learningRate = found.search.rate
    #expect(found.state?.step == found.search.steps)
    _ = try train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: settings,
      from: found.state, observe: { _ in })
    let continued = Self.bytes(of: job)
    let other = try Self.prepared(LowRankAdaptation(rank: 2), steps: steps, hasDev: hasDev)
    _ = try train(
      other.model, on: other.train, evaluatingOn: other.dev, task: other.task, settings: settings,
      observe: { _ in })
    #expect(Self.bytes(of: other) == continued)
  }

  @Test("what is certainly worse after an eighth of the steps ends there, but not the estimate")
  func rounds() throws {
    let found = try Self.find(Self.prepared(NormTuning(), steps: 160)).search
    let estimate = try #require(found.estimate)
    let chosen = try #require(found.arms.first { $0.rate == found.rate })
    #expect(
      found.arms.allSatisfy { arm in
        arm.loss == nil ? (10...40).contains(arm.steps) : [20, 40].contains(arm.steps)
      })
    #expect(found.arms[0].rate == estimate.rate && found.arms[0].steps == found.steps)
    #expect(chosen.steps == found.steps)
    let best = found.arms.filter { $0.steps == found.steps }.compactMap(\.loss).min()
    // The estimate may stay chosen if another is better by less than its error.
    #expect(try #require(chosen.loss) <= 1.2 * (try #require(best)))
  }

  @Test("an average is that of the values added since other elements began to train")
  func averages() throws {
    let job = try Self.prepared(NormTuning())
    let parameter = try #require(
      job.model.parameters.first { $0.parameter.isTrainable && $0.kind == .norm }?.parameter)
    var average = ValueAverage()
    for value: Float in [1, 2, 6] {
      parameter.value = Tensor(repeating: value, shape: parameter.shape)
      average.add(job.model)
    }
    average.install()
    #expect(parameter.value.elements == Array(repeating: 3, count: parameter.count))
    parameter.trains = .elements([0, 2])
    parameter.value = Tensor(repeating: 5, shape: parameter.shape)
    average.add(job.model)
    parameter.value = Tensor(repeating: 7, shape: parameter.shape)
    average.add(job.model)
    average.install()
    #expect(parameter.value.elements.prefix(4) == [6, 7, 6, 7])
    // As many others, as a method has that chooses again during a run.
    parameter.trains = .elements([1, 3])
    average.add(job.model)
    average.install()
    #expect(parameter.value.elements.prefix(4) == [6, 7, 6, 7])
  }

  @Test("the movement of the features is that of a small step along the signs of the gradient")
  func movement() throws {
    let job = try Self.prepared(NormTuning())
    let moving = job.model.parameters.filter { $0.parameter.isTrainable && $0.kind == .norm }
    var generator = SeededGenerator(seed: 1, purpose: "signs")
    var directions: [Parameter: Tensor] = [:]
    for entry in moving {
      directions[entry.parameter] = Tensor(
        (0..<entry.parameter.count).map { _ in generator.uniform() < 0.5 ? -1 : 1 },
        shape: entry.parameter.shape)
    }
    let texts = [job.train.texts([0, 1, 2]), job.train.texts([3, 4])]
    func features() -> [[Float]] {
      texts.map { job.model.hidden($0, on: Tape()).value.elements }
    }
    let still = features().joined().map(Double.init)
    let step = 1e-3
    for (parameter, direction) in directions {
      parameter.value.add(direction, scaledBy: Float(step))
    }
    let moved = features().joined().map(Double.init)
    for (parameter, direction) in directions {
      parameter.value.add(direction, scaledBy: Float(-step))
    }
    let width = 32
    let rows = still.count / width
    let spreads = (0..<width).map { feature in
      let column = (0..<rows).map { still[$0 * width + feature] }
      let mean = column.reduce(0, +) / Double(rows)
      return column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
    }
    let common = spreads.reduce(0, +) / Double(width)
    var sum = 0.0
    for index in still.indices {
      let change = (moved[index] - still[index]) / step
      sum += 2 * change * change / (spreads[index % width] + common)
    }
    let expected = (sum / Double(still.count)).squareRoot()
    let found = job.model.featureMovement(along: directions, on: texts, precision: .fp32)
    #expect(abs(found / expected - 1) < 0.02, "\(found) \(expected)")
  }

  @Test("what moves the features more gets a lower rate, and frozen features give none")
  func estimates() throws {
    func rate(_ method: any AdaptationMethod) throws -> Double? {
      let job = try Self.prepared(method)
      return try RateEstimate.measured(
        of: job.model, on: job.train, settings: job.job.settings)?.rate
    }
    let norm = try #require(try rate(NormTuning()))
    let full = try #require(try rate(FullTuning()))
    let lora = try #require(try rate(LowRankAdaptation(rank: 4)))
    #expect(full < lora && full < norm / 3)
    #expect(try rate(HeadTuning()) == nil)
  }

  @Test("the estimate follows the rate of B, and exists for every start and adapter")
  func variants() throws {
    func rate(_ method: any AdaptationMethod) throws -> Double? {
      let job = try Self.prepared(method)
      _ = try job.choose()
      return try RateEstimate.measured(
        of: job.model, on: job.train, settings: job.job.settings)?.rate
    }
    func lora(_ setting: String, _ value: String) throws -> Double {
      var method = LowRankAdaptation(rank: 4)
      try method.set(setting, text: value)
      return try #require(try rate(method))
    }
    let usual = try #require(try rate(LowRankAdaptation(rank: 4)))
    let fast = try lora("b-rate", "16")
    // Where A moves the features more than B once it has grown, the rate of B decides little.
    #expect(fast < usual && fast > usual / 32)
    // With B alone, a factor of its rate is one of the only rate.
    let up = try lora("trained", "b")
    var both = LowRankAdaptation(rank: 4)
    (both.trained, both.upRate) = (.up, 10)
    let scaled = try #require(try rate(both))
    #expect(abs(scaled * 10 / up - 1) < 0.5)
    for value in ["pissa", "gradient"] { #expect(try lora("start", value) > 0) }
    #expect(try lora("scaling", "root-rank") < usual)
    for method in [VectorProjection(rank: 16), ReflectionTuning()] as [any AdaptationMethod] {
      #expect(try #require(try rate(method)) > 0)
    }
  }

  @Test("a short run takes the estimate without trying it")
  func shortRuns() throws {
    let found = try Self.find(Self.prepared(NormTuning(), steps: 31))
    #expect(found.search.arms.isEmpty && found.state == nil && found.search.steps == 0)
    #expect(found.search.rate == found.search.estimate?.rate)
  }

  @Test("rates are tried until the best has a worse one on either side")
  func brackets() {
    /// The arms tried if rate r has the loss |log r − log `best`|, and none above `limit`.
    func tried(
      from first: Double, best: Double, limit: Double = .infinity, isBoundedAbove: Bool = true
    ) -> [Double] {
      var arms: [RateSearch.Arm] = []
      while let rate = RateSearch.nextRate(
        after: arms,
        winner: arms.filter { $0.loss != nil }.min { ($0.loss ?? 0) < ($1.loss ?? 0) },
        isBoundedAbove: isBoundedAbove, beginningWith: first)
      {
        arms.append(
          RateSearch.Arm(
            rate: rate, steps: 8, loss: rate > limit ? nil : abs(log(rate) - log(best))))
      }
      return arms.map(\.rate)
    }
    #expect(tried(from: 1e-3, best: 1e-3) == [1e-3, 3e-3, 3.3e-4])
    #expect(tried(from: 1e-3, best: 1e-4) == [1e-3, 3e-3, 3.3e-4, 1.1e-4, 3.7e-5])
    #expect(tried(from: 1e-3, best: 9e-3) == [1e-3, 3e-3, 9e-3, 2.7e-2])
    // The higher rate is not certainly worse, so a lower one would be.
    #expect(tried(from: 1e-3, best: 1e-3, isBoundedAbove: false) == [1e-3, 3e-3])
    #expect(tried(from: 1, best: 1e-9, limit: 0.1) == [1, 0.33, 0.11, 0.037, 0.012])
  }

  @Test("a rate replaces another only if its losses on the same examples are certainly lower")
  func certainty() {
    let noise = [0.4, -0.1, 0.3, -0.6, 0.2, 0.1, -0.2, -0.1]
    func losses(_ mean: Double, _ sign: Double) -> [Double] { noise.map { mean + sign * $0 } }
    // Their noise differs, so a difference of 0.05 is chance.
    #expect(!RateSearch.isBetter(losses(1, -1), than: losses(1.05, 1)))
    // Their noise is the same, so it is not.
    #expect(RateSearch.isBetter(losses(1, 1), than: losses(1.05, 1)))
    #expect(!RateSearch.isBetter(losses(1.05, 1), than: losses(1, 1)))
    #expect(RateSearch.isBetter(losses(1, -1), than: losses(2, 1)))
  }

  @Test("an arm is hopeless if its losses on the same batches are certainly and clearly higher")
  func hopeless() {
    let batches = (0..<24).map { 1 + 0.3 * sin(Double($0) * 2.4) }
    func arm(_ factor: Double, noise: Double = 0.05) -> [Double] {
      batches.enumerated().map { $1 * factor + noise * cos(Double($0) * 1.7) }
    }
    #expect(RateSearch.isHopeless(arm(1.5), beside: batches))
    #expect(RateSearch.isHopeless(Array(arm(1.5).prefix(16)), beside: batches))
    // Fewer batches, a small difference, a noisy one, and an arm that is ahead by now.
    #expect(!RateSearch.isHopeless(Array(arm(1.5).prefix(15)), beside: batches))
    #expect(!RateSearch.isHopeless(arm(1.05, noise: 0), beside: batches))
    #expect(!RateSearch.isHopeless(arm(1.2, noise: 1.5), beside: batches))
    #expect(!RateSearch.isHopeless(arm(3).prefix(12) + arm(0.9).suffix(12), beside: batches))
    #expect(!RateSearch.isHopeless(batches, beside: arm(1.5)))
  }

  @Test("an arm that is hopelessly behind ends before it is judged, and is not chosen")
  func givenUp() throws {
    let found = try Self.find(Self.prepared(FullTuning(), steps: 160)).search
    let ended = found.arms.filter { $0.loss == nil }
    #expect(!ended.isEmpty)
    #expect(ended.allSatisfy { $0.steps < found.steps && $0.rate > found.rate })
  }
}
