import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import TestSupport
import Testing

@Suite("Evaluations")
struct EvaluationTests {
  /// A job in which each of `count` examples has its own label.
  private static func prepared(_ count: Int) throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-evaluation-\(UUID().uuidString)").path
    let rows = (0..<count).map { index in
      TextExample(text: "the film \(index % 10)", label: "l\(index)", line: index + 1)
    }
    try SmallModel.write(to: directory + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl",
      method: HeadTuning())
    job.devPath = job.trainPath
    job.pooling = .mean
    job.taskKind = .classification
    job.settings.batches = BatchPlan(size: .examples(8))
    return try job.prepare()
  }

  @Test("logits of all rows are never in memory at once, and those of a batch are forecast")
  func memory() async {
    // Resident memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      let count = 5000
      let job = try EvaluationTests.prepared(count)
      let dev = try #require(job.dev)
      let longest = try #require(dev.lengths.max())
      let batch = 4 * count * (4096 / longest)
      #expect(job.forecast(timing: false).memory[.activations] >= batch)
      // Buffers that a first evaluation keeps for the next one do not count.
      _ = job.model.evaluate(dev, task: job.task)
      let before = Processor.residentMemory
      #expect(Processor.resetPeakResidentBytes())
      _ = job.model.evaluate(dev, task: job.task)
      // All logits together take 100 MB.
      #expect(Processor.peakResidentBytes - before < 2 * count * count)
    }
  }

  @Test("predictions come in the order of the data, and are those that an evaluation counts")
  func order() throws {
    let job = try Self.prepared(300)
    let dev = try #require(job.dev)
    var right = 0
    var rows = 0
    guard case .classes(let labels)? = dev.targets?.kind else {
      Issue.record("no classes")
      return
    }
    job.model.predict(dev) { logits in
      #expect(logits.count == 300)
      if logits.positionOfLargest == labels[rows] { right += 1 }
      rows += 1
    }
    #expect(rows == 300)
    #expect(
      job.model.evaluate(dev, task: job.task)["accuracy"] == Double(right) / Double(rows))
  }

  @Test("a stopped evaluation returns nothing, and leaves the trainable marks unchanged")
  func stopped() throws {
    let job = try Self.prepared(3000)
    let dev = try #require(job.dev)
    let trainable = job.counts.trainable
    var calls = 0
    let evaluation = job.model.evaluate(dev, task: job.task) {
      calls += 1
      return calls == 2
    }
    #expect(evaluation == nil && calls == 2)
    #expect(job.counts.trainable == trainable)
  }
}
