import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Training of the head on features computed once")
struct HeadTrainingTests {
  private static let words = ["good", "fine", "great", "bad", "poor", "dull", "odd", "new"]

  /// A job on short texts, three of whose four answers are the same: a class, or a value around 3.
  private static func prepared(
    isValue: Bool = false, pooling: Pooling = .mean, labelSmoothing: Double = 0
  ) throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-head-\(UUID().uuidString)").path
    let rows = (0..<96).map { index in
      TextExample(
        text: "\(words[index % 8]) film number \(index % 7)",
        label: isValue ? "\(3 + 0.5 * Double(index % 5))" : index % 4 == 0 ? "no" : "yes",
        line: index + 1)
    }
    let model = directory + "/model"
    try SmallModel.write(to: model, texts: rows.map(\.text), hiddenSize: 32)
    try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: model, trainPath: directory + "/train.jsonl", method: HeadTuning())
    job.pooling = pooling
    job.settings.batches = BatchPlan(size: .examples(8))
    job.settings.usesDropout = false
    job.settings.labelSmoothing = labelSmoothing
    return try job.prepare()
  }

  private static func run(_ job: PreparedJob, steps: Int) throws -> [Double] {
    var losses: [Double] = []
    let isDone = try HeadTraining(steps: steps, learningRate: 1e-2).run(
      job.model, on: job.train, settings: job.job.settings,
      observe: { losses.append($0.numbers.loss) })
    #expect(isDone)
    return losses
  }

  @Test(
    "the steps are those of a run that trains the head alone", arguments: [Pooling.mean, .first])
  func steps(pooling: Pooling) throws {
    let steps = 20
    let (job, twin) = (
      try Self.prepared(pooling: pooling), try Self.prepared(pooling: pooling)
    )
    let losses = try Self.run(job, steps: steps)
    var settings = twin.job.settings
    settings.length = .steps(steps)
    settings.learningRate = 1e-2
    var expected: [Double] = []
    _ = try train(
      twin.model, on: twin.train, evaluatingOn: nil, task: twin.task, settings: settings
    ) { event in
      if case .step(let report) = event { expected.append(report.numbers.loss) }
    }
    for (loss, other) in zip(losses, expected) { #expect(abs(loss - other) < 1e-6) }
    #expect(losses.count == expected.count)
    for (entry, other) in zip(job.model.parameters, twin.model.parameters)
    where entry.parameter != job.model.outputBias {
      for (value, twin) in zip(entry.parameter.value.elements, other.parameter.value.elements) {
        #expect(abs(value - twin) < 1e-5, "\(entry.parameter.name)")
      }
    }
  }

  @Test("more steps than batches take the batches in turn, and nothing but the head changes")
  func turns() throws {
    let job = try Self.prepared()
    func backbone() -> [[Float]] {
      job.model.parameters.filter { $0.kind != .head }.map(\.parameter.value.elements)
    }
    let before = backbone()
    let losses = try Self.run(job, steps: 3 * HeadTraining.mostBatches)
    #expect(losses.count == 3 * HeadTraining.mostBatches)
    #expect(losses.suffix(40).reduce(0, +) < losses.prefix(40).reduce(0, +))
    #expect(backbone() == before)
  }

  @Test("mean answers are mean targets afterwards", arguments: [0, 0.1])
  func bias(labelSmoothing: Double) throws {
    let job = try Self.prepared(labelSmoothing: labelSmoothing)
    // 12 batches of 8 are all 96 rows.
    _ = try Self.run(job, steps: 12)
    let batch = try #require(job.train.examples(Array(0..<96), maskingWith: Self.masks))
    let logits = job.model.logits(batch.texts, on: Tape()).value.elements
    var mean = 0.0
    for row in 0..<96 {
      mean += 1 / (1 + exp(Double(logits[2 * row]) - Double(logits[2 * row + 1]))) / 96
    }
    guard case .classes(let classes) = batch.targets.kind else {
      Issue.record("no classes")
      return
    }
    let frequency = Double(classes.count { $0 == 1 }) / 96
    #expect(abs(mean - ((1 - labelSmoothing) * frequency + labelSmoothing / 2)) < 1e-4)
  }

  @Test("the mean value is predicted")
  func values() throws {
    let job = try Self.prepared(isValue: true)
    _ = try Self.run(job, steps: 12)
    let batch = try #require(job.train.examples(Array(0..<96), maskingWith: Self.masks))
    let answers = job.model.logits(batch.texts, on: Tape()).value.elements
    guard case .values(let values) = batch.targets.kind else {
      Issue.record("no values")
      return
    }
    let difference = zip(answers, values).reduce(0) { $0 + Double($1.0) - $1.1 } / 96
    #expect(abs(difference) < 1e-4)
  }

  @Test("it ends when it is told to, among the features and among the steps", arguments: [3, 15])
  func stops(calls: Int) throws {
    let job = try Self.prepared()
    var count = 0
    let isDone = try HeadTraining(steps: 12).run(
      job.model, on: job.train, settings: job.job.settings,
      shouldStop: {
        count += 1
        return count == calls
      })
    #expect(!isDone && count == calls)
  }

  private static let masks = SeededGenerator(seed: 0, purpose: "masks")
}
