import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

/// Steps of all parameters before a probe whose gradients disagree.
@Suite("Probes of gradients that disagree")
final class DisagreementTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
  private let prepared: PreparedJob

  init() throws {
    let rows = (0..<64).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 3 % 2)", line: index + 1)
    }
    try SmallModel.write(to: path + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: path + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: HeadTuning())
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    prepared = try job.prepare()
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func settings(warmSteps: Int, below: Double?) -> InfluenceSettings {
    var settings = InfluenceSettings()
    settings.headSteps = 3
    (settings.warmSteps, settings.warmBelow, settings.warmLearningRate) = (warmSteps, below, 1e-3)
    settings.probe.path = .held(directionBatches: 3)
    settings.probe.probeCount = 3
    settings.probe.interactions = true
    return settings
  }

  private struct Numbers: Equatable {
    let influences: [GroupInfluence]
    let interactions: [Double]?
    let agreement: Double?

    init(_ influence: Influence) {
      influences = influence.influences
      interactions = influence.interactions
      agreement = influence.agreement
    }
  }

  @Test("the steps are made below the agreement only, and then as if they had been asked for")
  func steps() throws {
    func measured(_ warmSteps: Int, below: Double?) throws -> Influence {
      try #require(try prepared.measureInfluence(settings(warmSteps: warmSteps, below: below)))
    }
    let plain = try measured(0, below: nil)
    let agreement = try #require(plain.agreement)
    #expect((0...1).contains(agreement))
    let unneeded = try measured(4, below: 0)
    #expect(Numbers(unneeded) == Numbers(plain) && unneeded.cost.warmSteps == 0)
    let asked = try measured(4, below: nil)
    let made = try measured(4, below: 1.5)
    #expect(Numbers(made) == Numbers(asked) && Numbers(made) != Numbers(plain))
    #expect(made.cost.warmSteps == 4 && made.cost.directionBatches == 6)
    try made.write(to: path + "/influence.json")
    #expect(try Influence.read(path + "/influence.json").agreement == made.agreement)
  }

  @Test("batches that define the direction repeatedly count once", arguments: [8, 32, 64])
  func fewBatches(of size: Int) throws {
    var job = prepared.job
    job.settings.batches = BatchPlan(size: .examples(size))
    let prepared = try job.prepare()
    var settings = settings(warmSteps: 0, below: nil)
    settings.probe.path = .held(directionBatches: 24)
    let influence = try #require(try prepared.measureInfluence(settings))
    // 64 rows are 8, 2 and 1 batches, of which 7, 1 and 1 define the direction.
    let agreement = influence.agreement
    #expect((agreement == nil) == (size > 8))
    if let agreement {
      // Seven batches of eight rows whose labels the texts do not tell.
      #expect(agreement >= 0 && agreement < 0.9)
    }
    try influence.write(to: path + "/few.json")
    #expect(try Influence.read(path + "/few.json").agreement == agreement)
  }

  @Test("stopped anywhere, it resumes to the same bits", arguments: [2, 5, 6, 8, 11, 13])
  func resumes(after batches: Int) throws {
    let settings = settings(warmSteps: 4, below: 1.5)
    let whole = try #require(try prepared.measureInfluence(settings))
    let output = try OutputDirectory.adaptation(
      path + "/run", overwriting: false, resuming: false, reusingProbe: false)
    var calls = 0
    let stopped = try prepared.measureInfluence(settings, savingIn: output) {
      calls += 1
      return calls > batches
    }
    #expect(stopped?.isComplete != true)
    let resumed = try #require(
      try prepared.measureInfluence(settings, savingIn: output, resuming: true))
    #expect(resumed.isComplete && Numbers(resumed) == Numbers(whole))
    #expect(resumed.cost.directionBatches == whole.cost.directionBatches)
  }
}
