import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import TestSupport
import Testing

@Suite("A run names the files it read")
struct OpenedFilesTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "peft-opened-\(UUID().uuidString)").path
  private var model: String { directory + "/model" }

  private func job() throws -> TrainingJob {
    let examples = (0..<8).map { index in
      TextExample(
        text: index.isMultiple(of: 2) ? "good film" : "bad film",
        label: index.isMultiple(of: 2) ? "yes" : "no", line: index + 1)
    }
    if !FileManager.default.fileExists(atPath: model) {
      try SmallModel.write(to: model, texts: examples.map(\.text))
      try JSONLinesFile.write(examples, to: directory + "/train.jsonl")
    }
    var job = TrainingJob(
      modelDirectory: model, trainPath: directory + "/train.jsonl",
      method: LowRankAdaptation(rank: 2, targets: ["query"]))
    job.settings.length = .steps(1)
    return job
  }

  private func run(_ job: PreparedJob, to name: String) throws -> RunManifest {
    try job.run(to: directory + "/" + name, start: .new, shouldStop: { false }, observe: { _ in })
  }

  @Test("files that replace base and adapter after they were read are not named")
  func replaced() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let first = try run(job().prepare(), to: "first")
    #expect(Set(first.modelFiles.keys) == ["model.safetensors", "config.json", "vocab.txt"])
    let adapter = directory + "/adapter"
    _ = try RunExport(directory + "/first").write(.peft, to: adapter)

    var job = try job()
    job.adapter = (adapter, nil)
    let tensors = adapter + "/adapter_model.safetensors"
    let digests = try [tensors, adapter + "/adapter_config.json"].map(Fingerprint.file)
    let prepared = try job.prepare()
    for path in [adapter, model] { try FileManager.default.removeItem(atPath: path) }
    try SmallModel.write(to: model, texts: ["another film altogether"])
    let manifest = try run(prepared, to: "second")
    #expect(manifest.modelFiles == first.modelFiles)
    let recipe = try #require(manifest.recipe)
    #expect(recipe["config.json"] == first.recipe?["config.json"])
    #expect(recipe["modelFiles"] == first.recipe?["modelFiles"])
    #expect(recipe["adapter"] == .string(digests[0]))
    #expect(recipe["adapterConfiguration"] == .string(digests[1]))
    #expect {
      try TrainedModel.open(directory + "/second")
    } throws: { "\($0)".contains("model.safetensors") && "\($0)".contains("SHA-256 differs") }
  }
}
