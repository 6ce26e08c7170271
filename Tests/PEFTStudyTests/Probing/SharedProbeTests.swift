import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Probes shared by processes")
final class SharedProbeTests: Sendable {
  private let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
  private let job: TrainingJob

  init() throws {
    let rows = (0..<72).map { index in
      TextExample(
        text: "the film \(index % 7) is \(index % 3 == 0 ? "good" : "bad")",
        label: "\(index % 3)", line: index + 1)
    }
    try SmallModel.write(to: path + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: path + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: HeadTuning())
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    self.job = job
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private var settings: InfluenceSettings {
    var settings = InfluenceSettings()
    settings.headSteps = 3
    settings.candidates = AdapterCandidates(ranks: [1, 2])
    settings.probe.path = .held(directionBatches: 3)
    settings.probe.probeCount = 5
    settings.probe.interactions = true
    return settings
  }

  private struct Numbers: Equatable, Sendable {
    let influences: [GroupInfluence]
    let interactions: [Double]?
    let probes: Int

    init(_ influence: Influence) {
      (influences, interactions) = (influence.influences, influence.interactions)
      probes = influence.cost.probeBatches
    }
  }

  @Test("any number of processes measures the same bits")
  func ranks() throws {
    let alone = Numbers(try #require(try job.prepare().measureInfluence(settings)))
    #expect(alone.probes == 5 && alone.interactions != nil)
    for count in [1, 2, 3, 8] {
      let together = try ThreadedRanks.run(count) { [job, settings] collective in
        try job.prepare().measureInfluence(settings, collective: collective).map(Numbers.init)
      }.results
      #expect(together == Array(repeating: alone, count: count), "\(count) processes")
    }
  }

  @Test("a probe that two processes began is finished by three", arguments: [2, 4, 5, 6])
  func resumes(after batches: Int) throws {
    let alone = Numbers(try #require(try job.prepare().measureInfluence(settings)))
    let run = path + "/run"
    func measured(_ count: Int, stoppingAfter limit: Int, resuming: Bool) throws -> [Numbers?] {
      try ThreadedRanks.run(count) { [job, settings] collective in
        let output =
          collective.rank == 0
          ? try OutputDirectory.probe(run, overwriting: false, resuming: resuming) : nil
        try collective.barrier()
        var calls = 0
        // One process alone is asked to stop.
        return try job.prepare().measureInfluence(
          settings, savingIn: output, resuming: resuming, collective: collective,
          resumingFrom: run,
          shouldStop: {
            calls += 1
            return collective.rank == 1 && calls > limit
          }
        ).map(Numbers.init)
      }.results
    }
    let stopped = try measured(2, stoppingAfter: batches, resuming: false)
    #expect(stopped.count == 2 && stopped[0] == stopped[1] && stopped[0] != alone)
    #expect(try measured(3, stoppingAfter: .max, resuming: true) == [alone, alone, alone])
  }
}
