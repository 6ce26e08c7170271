import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Shares of a run's cost for its probe")
struct ProbeShareTests {
  /// The number of probes that a job of so many steps begins with.
  private func probes(share: Double?, steps: Int, headSteps: Int) throws -> Int? {
    let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows = (0..<200).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 2)", line: index + 1)
    }
    try SmallModel.write(to: path + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: path + "/train.jsonl")
    var base = TrainingJob(
      modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: FullTuning())
    base.pooling = .mean
    base.settings.length = .steps(steps)
    base.settings.batches = BatchPlan(size: .examples(1))
    var job = AdaptJob(base, budget: .share(0.05))
    job.choice.probeShare = share
    job.choice.influence.headSteps = headSteps
    job.choice.influence.probe.path = .held(directionBatches: 5)
    job.choice.influence.probe.probeCount = 3
    var plan: ProbeBatchPlan?
    _ = try job.run(in: path + "/run", shouldStop: { true }) { event in
      if case .probing(let batches) = event { plan = batches }
    }
    return plan?.probeCount
  }

  @Test("two fifths of the share, less the cost of the head's features, are probes, from 12 to 64")
  func share() throws {
    #expect(try probes(share: nil, steps: 400, headSteps: 0) == 3)
    // With two classes, a probed batch costs as much as 1.6 steps.
    #expect(try probes(share: 0.25, steps: 400, headSteps: 0) == 25)
    #expect(try probes(share: 0.25, steps: 400, headSteps: 80) == 21)
    #expect(try probes(share: 0.25, steps: 4, headSteps: 30) == 12)
    #expect(try probes(share: 1, steps: 4000, headSteps: 0) == 64)
  }
}
