import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Memory forecasts")
struct MemoryForecastTests {
  private func forecast(held: Int) -> MemoryForecast {
    var memory = MemoryForecast(of: "baking", heldBytes: held, remedy: "lower `heat`")
    memory[.process] = 10 << 20
    memory[.weights] = 30 << 20
    memory[.gradients] = 5 << 20
    memory[.activations] = 2 << 20
    return memory
  }

  @Test("a message lists the memory needed by item, the free memory, and the remedy")
  func message() {
    let loaded = #expect(throws: InsufficientMemory.self) {
      try forecast(held: 40 << 20).check(available: 6 << 20)
    }
    #expect(
      loaded?.description == "baking needs 7 MiB more (gradients 5 MiB, activations 2 MiB), "
        + "and 6 MiB are free; lower `heat`")
    var fresh = forecast(held: 0)
    fresh[.process] = 0
    let error = #expect(throws: InsufficientMemory.self) { try fresh.check(available: 0) }
    #expect(
      error?.description == "baking needs 37 MiB more (weights 30 MiB, gradients 5 MiB, "
        + "activations 2 MiB), and 0 MiB are free; lower `heat`")
  }

  @Test("a job that fits exactly is accepted, and memory already held does not count")
  func limits() throws {
    let memory = forecast(held: 40 << 20)
    #expect(memory.totalBytes == 47 << 20)
    #expect(memory.neededBytes == 7 << 20)
    try memory.check(available: 7 << 20)
    #expect(throws: InsufficientMemory.self) { try memory.check(available: 7 << 20 - 1) }
    // Loading took more memory than the job needs.
    let packed = forecast(held: 100 << 20)
    #expect(packed.totalBytes == 100 << 20)
    try packed.check(available: 0)
  }

  @Test("absurd sizes do not overflow")
  func absurd() {
    var memory = MemoryForecast(of: "baking", remedy: "lower `heat`")
    memory[.weights] = .max
    memory[.optimizer] = .max
    #expect(memory.totalBytes == .max)
    #expect(throws: InsufficientMemory.self) { try memory.check(available: 1 << 40) }
  }

  /// A job on a BERT of one layer whose word table has 4096 rows of 512 numbers.
  private static func prepared() throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-forecast-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let rows = (0..<24).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 2)", line: index + 1)
    }
    try SmallModel.write(
      to: directory + "/model", texts: rows.map(\.text), rows: 4096, hiddenSize: 512,
      layerCount: 1)
    try JSONLinesFile.write(rows, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl",
      method: FullTuning())
    job.pooling = .mean
    job.settings.batches = BatchPlan(size: .examples(8))
    return try job.prepare()
  }

  @Test("forecast, gradients and optimizer agree on a table of 4096 × 512")
  func table() async {
    // Resident memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      let job = try MemoryForecastTests.prepared()
      let memory = job.forecast(timing: false).memory
      let tableBytes = 4 * 4096 * 512
      let positionBytes = 4 * 128 * 512
      let dense = 4 * job.counts.trainable - tableBytes - positionBytes
      // Only the few rows that are read count.
      #expect(memory[.gradients] > dense && memory[.gradients] < dense + tableBytes / 8)
      let optimized = 2 * (dense + positionBytes)
      #expect(memory[.optimizer] > optimized && memory[.optimizer] < optimized + tableBytes / 8)

      let batch = try #require(
        job.train.examples(
          Array(0..<8), maskingWith: SeededGenerator(seed: 0, purpose: "masks")))
      let tape = Tape()
      let loss = job.model.loss(batch.texts, batch.targets, on: tape)
      let gradients = GradientAccumulator()
      let before = TensorMemory.current.bytesInUse
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
      let gradientBytes = TensorMemory.current.bytesInUse - before
      // Without the activations that the pass has freed.
      #expect(gradientBytes < memory[.gradients] + tableBytes / 8)
      TensorMemory.releaseUnused()
      let resident = Processor.residentMemory
      var optimizer = AdamW(parameters: job.model.trainableParameters)
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
      // Memory is allocated in pieces of 16 MiB, of which 2 MiB are resident at a time.
      let optimizerBytes = Processor.residentMemory - resident
      #expect(abs(optimizerBytes - memory[.optimizer]) < 4 << 20, "\(optimizerBytes)")
    }
  }
}
