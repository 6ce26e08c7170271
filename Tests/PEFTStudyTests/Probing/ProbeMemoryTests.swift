import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Memory of probes")
struct ProbeMemoryTests {
  /// A job that trains the head and has data to evaluate on.
  private static func prepared() throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-probe-memory-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let rows = (0..<24).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 2)", line: index + 1)
    }
    try SmallModel.write(to: directory + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl",
      method: HeadTuning())
    job.devPath = job.trainPath
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    return try job.prepare()
  }

  @Test("every parameter has sums and a direction; a training run adds optimizer and copy")
  func items() async {
    // Tensor memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      let job = try ProbeMemoryTests.prepared()
      let marks = job.model.parameters.map(\.parameter.trains)
      let bytes = 4 * job.model.parameterCount
      let held = job.memoryForecast(InfluenceSettings())
      #expect(job.model.parameters.map(\.parameter.trains) == marks)
      #expect(held[.moments] == 2 * bytes)
      #expect(held[.direction] == bytes)
      #expect(held[.activations] > 0)
      // The direction takes the memory of the gradients.
      for item in [MemoryForecast.Item.gradients, .optimizer, .bestCopy, .snapshot] {
        #expect(held[item] == 0, "\(item.title)")
      }
      var settings = InfluenceSettings()
      settings.warmSteps = 2
      #expect(job.memoryForecast(settings)[.snapshot] == bytes)
      settings.probe.path = .training(steps: 8, period: 4, learningRate: 1e-4)
      let followed = job.memoryForecast(settings)
      // Of the positions, only those that are read count.
      #expect(followed[.gradients] > bytes - 4 * 128 * 128 && followed[.gradients] <= bytes)
      #expect(followed[.optimizer] == 2 * bytes)
      #expect(followed[.snapshot] == bytes)
      let error = #expect(throws: InsufficientMemory.self) { try held.check(available: 0) }
      let message = error.map { "\($0)" } ?? ""
      #expect(message.hasPrefix("probing needs ") && message.contains("sums of gradients"))
      #expect(message.contains("`batch-size`") && !message.contains("`method`"))
    }
  }
}
