import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Steps of several batches")
struct AccumulationTests {
  /// What a job learns, and how.
  enum Example: String, CaseIterable, CustomTestStringConvertible {
    case classes, tags, text, adapter
    var testDescription: String { rawValue }
  }

  private static let words = ["good", "fine", "great", "bad", "poor", "dull", "odd", "new"]

  /// A job on 36 examples of different lengths, with dropout.
  private static func prepared(_ example: Example) throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-accumulation-\(UUID().uuidString)").path
    let texts = (0..<36).map { index in
      (0...(index * index) % 13).map { words[($0 + index) % 8] }.joined(separator: " ")
    }
    let model = directory + "/model"
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
    var path = directory + "/train.jsonl"
    switch example {
    case .text: try SmallLlama.write(to: model, texts: texts, tiesOutput: true)
    default:
      // A table of which a batch reads few rows.
      try SmallModel.write(to: model, texts: texts, rows: 4096, hiddenSize: 32)
    }
    switch example {
    case .tags:
      path = directory + "/train.conll"
      try texts.map { text in
        text.split(separator: " ").map { "\($0) \($0.count == 4 ? "A" : "B")" }
          .joined(separator: "\n")
      }.joined(separator: "\n\n").write(toFile: path, atomically: true, encoding: .utf8)
    default:
      try JSONLinesFile.write(
        texts.enumerated().map { index, text in
          example == .text
            ? TextExample(text: "a", pair: text, line: index + 1)
            : TextExample(text: text, label: "\(index % 3)", line: index + 1)
        }, to: path)
    }
    var job = TrainingJob(
      modelDirectory: model, trainPath: path,
      method: example == .adapter ? LowRankAdaptation(dropout: 0.2) : FullTuning())
    if example == .classes || example == .adapter { job.pooling = .mean }
    job.settings.batches = BatchPlan(size: .examples(24))
    return try job.prepare()
  }

  /// The loss and the gradients of the first step, whose batch of 24 has `parts` parts.
  private static func gradients(
    _ job: PreparedJob, parts: Int
  ) -> (loss: Double, gradients: [(name: String, value: [Float])]) {
    var settings = job.job.settings
    settings.accumulation = parts
    settings.batches = BatchPlan(size: .examples(24 / parts))
    let sums = GradientAccumulator()
    let batch = DividedBatch(
      Array(0..<24), of: job.train, settings: settings,
      maskingWith: SeededGenerator(seed: 1, purpose: "masks"))
    let loss = batch.pullBack(
      in: job.model, settings: settings,
      dropout: SeededGenerator(seed: 1, purpose: "dropout"), to: sums)
    return (
      loss,
      job.model.parameters.compactMap { entry in
        sums.trainableGradient(of: entry.parameter).map { (entry.parameter.name, $0.elements) }
      }
    )
  }

  @Test(
    "the gradients are those of the whole batch, with its dropout, in any number of parts",
    arguments: Example.allCases)
  func gradients(example: Example) throws {
    let job = try Self.prepared(example)
    // The second factors of adapters begin at zero, and would give the first no gradient.
    for entry in job.model.parameters where entry.kind == .adapter {
      entry.parameter.value = Tensor(
        entry.parameter.value.elements.enumerated().map { $1 + Float($0 % 7) / 100 },
        shape: entry.parameter.shape)
    }
    let whole = Self.gradients(job, parts: 1)
    #expect(whole.gradients.count > 3)
    for parts in [2, 3, 8, 24] {
      let divided = Self.gradients(job, parts: parts)
      #expect(abs(divided.loss - whole.loss) < 1e-6 * whole.loss, "\(parts) parts")
      #expect(divided.gradients.count == whole.gradients.count)
      for (mine, other) in zip(divided.gradients, whole.gradients) {
        #expect(mine.name == other.name)
        let size = other.value.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let error = zip(mine.value, other.value).reduce(0) {
          $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
        }.squareRoot()
        // Sums over some 200 rows in Float32, in another order. Attention's key biases have no
        // gradient but rounding.
        #expect(error < 1e-5 * max(size, 1e-2), "\(mine.name), \(parts) parts: \(error) of \(size)")
      }
    }
  }

  @Test("a run takes as many steps as one with the larger batches, and learns the same")
  func run() throws {
    func losses(_ size: Int, accumulation: Int) throws -> [Double] {
      let job = try Self.prepared(.classes)
      var settings = job.job.settings
      (settings.accumulation, settings.batches) = (accumulation, BatchPlan(size: .examples(size)))
      settings.learningRate = 1e-3
      settings.length = .epochs(3)
      var losses: [Double] = []
      _ = try train(
        job.model, on: job.train, evaluatingOn: nil, task: job.task, settings: settings
      ) { event in
        if case .step(let report) = event { losses.append(report.numbers.loss) }
      }
      return losses
    }
    let (whole, divided) = (
      try losses(16, accumulation: 1), try losses(4, accumulation: 4)
    )
    // 36 examples are batches of 16, 16 and 4.
    #expect(whole.count == 9 && divided.count == 9)
    for (loss, other) in zip(whole, divided) { #expect(abs(loss - other) < 1e-4 * loss) }
  }

  @Test("a step needs the activations of one batch")
  func memory() async {
    // The memory of tensors is counted for the whole process.
    await #expect(processExitsWith: .success) {
      let job = try AccumulationTests.prepared(.classes)
      func forecast(_ size: Int, _ accumulation: Int) -> MemoryForecast {
        var settings = job.job.settings
        (settings.accumulation, settings.batches) = (accumulation, BatchPlan(size: .examples(size)))
        return job.memoryForecast(of: "training", settings: settings, evaluates: false, remedy: "")
      }
      let (whole, small, divided) = (forecast(24, 1), forecast(2, 1), forecast(2, 12))
      #expect(divided[.activations] < whole[.activations] / 3)
      #expect(divided[.activations] < small[.activations] * 11 / 10)
      // The tables have gradients for all rows that the step reads.
      // A step of 12 atoms holds up to three sums, and the gradients of the next atom.
      #expect(divided[.gradients] == 4 * whole[.gradients])
      #expect(small[.gradients] < whole[.gradients])
    }
  }
}
