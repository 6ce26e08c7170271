import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Runs that find their own learning rate")
struct OwnRateTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "peft-own-rate-\(UUID().uuidString)").path

  private func job(_ rate: Double? = nil) throws -> TrainingJob {
    let words = ["good", "fine", "bad", "dull"]
    let rows = (0..<64).map { index in
      TextExample(
        text: "\(words[index % 4]) film \(index % 7)", label: index % 4 < 2 ? "yes" : "no",
        line: index + 1)
    }
    if !FileManager.default.fileExists(atPath: directory) {
      try SmallModel.write(to: directory + "/model", texts: rows.map(\.text), hiddenSize: 32)
      try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    }
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl",
      method: LowRankAdaptation(rank: 1))
    job.devPath = job.trainPath
    job.testPath = job.trainPath
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    job.settings.length = .steps(36)
    job.settings.evaluationInterval = 6
    job.findsRate = rate == nil
    if let rate { job.settings.learningRate = rate }
    return job
  }

  /// Runs a job, stopping at the call number `limit` that asks whether to.
  private func run(
    _ job: TrainingJob, _ name: String, start: RunStart = .new, limit: Int = .max
  ) throws -> RunManifest {
    var calls = 0
    return try job.prepare().run(
      to: directory + "/" + name, start: start,
      shouldStop: {
        calls += 1
        return calls > limit
      }
    ) { _ in }
  }

  private func results(_ name: String) throws -> [Data] {
    try ["steps.csv", "metrics.csv", "trained.safetensors"].map {
      try Data(contentsOf: URL(filePath: "\(directory)/\(name)/\($0)"))
    }
  }

  @Test("it has the bits of a run with that rate set, and its files say how it was found")
  func sameAsSet() throws {
    let found = try run(job(), "found")
    let rates = try #require(found.rates)
    #expect(rates.steps == 9 && rates.arms.count >= 2 && rates.seconds > 0)
    #expect(rates.arms.contains { $0.rate == rates.rate && $0.loss != nil })
    let read = try RunManifest.read(directory + "/found")
    #expect(read.rates == rates)
    let document = try JSONValue(contentsOf: directory + "/found/rates.json")
    #expect(document["learningRate"]?.double == rates.rate)
    let page = try String(contentsOfFile: directory + "/found/report.html", encoding: .utf8)
    #expect(page.contains("Rates tried on the first 9 steps"))
    _ = try run(job(rates.rate), "set")
    #expect(try results("set") == results("found"))
  }

  @Test("stopped in the search or after it, it resumes to the same bits")
  func resumes() throws {
    _ = try run(job(), "whole")
    let whole = try results("whole")
    var endings: Set<Int> = []
    for limit in stride(from: 3, through: 200, by: 20) {
      let stopped = try run(job(), "stopped \(limit)", limit: limit)
      guard stopped.outcome.ending == .interrupted else { break }
      endings.insert(min(1, stopped.outcome.steps))
      let resumed = try run(job(), "stopped \(limit)", start: .resuming)
      #expect(resumed.outcome.ending == .finished)
      #expect(try results("stopped \(limit)") == whole, "\(limit)")
    }
    #expect(endings == [0, 1])
  }

  @Test("a run whose record of its rate is gone says so")
  func missingRecord() throws {
    var limit = 3
    while try run(job(), "run \(limit)", limit: limit).outcome.steps == 0 { limit += 20 }
    try FileManager.default.removeItem(atPath: directory + "/run \(limit)/rates.json")
    let error = #expect(throws: FileError.self) {
      try run(job(), "run \(limit)", start: .resuming)
    }
    #expect(error?.description.contains("rates.json") == true, "\(error?.description ?? "")")
  }

  @Test("a run with a rate set is not resumed with one to find")
  func otherRate() throws {
    _ = try run(job(1e-3), "set", limit: 8)
    #expect(throws: FileError.self) { try run(job(), "set", start: .resuming) }
  }
}
