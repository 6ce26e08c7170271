import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import Testing

@Suite("Checkpoints of training")
struct TrainingStateCheckpointTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "peft-training-state-\(UUID().uuidString)").path
  private let recipe: JSONObject = ["version": .integer(2)]

  /// A model in which only the head trains.
  private func model(hiddenSize: Int = 8) -> TransformerModel {
    let configuration = EncoderConfiguration(
      family: .bert, vocabularySize: 12, hiddenSize: hiddenSize, layerCount: 1, headCount: 2,
      intermediateSize: 16, positionCount: 16, tokenTypeCount: 2, epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0, attentionDropout: 0, classifierDropout: nil,
      paddingID: 0, initializerRange: 0.02, labelNames: nil)
    let model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(2, pooling: .mean))
    let generator = SeededGenerator(seed: 1, purpose: "weights")
    model.initializeWeights(using: generator)
    HeadTuning().attach(to: model, using: generator)
    return model
  }

  private func state(
    of model: TransformerModel, step: Int, hasBest: Bool = true, isEvaluationDue: Bool = false
  ) -> TrainingState {
    func tensors(_ purpose: String) -> [String: Tensor] {
      var generator = SeededGenerator(seed: UInt64(step), purpose: purpose)
      return Dictionary(
        uniqueKeysWithValues: model.trainableParameters.map { parameter in
          let values = (0..<parameter.count).map { _ in Float(generator.uniform()) - 0.5 }
          return (parameter.name, Tensor(values, shape: parameter.shape))
        })
    }
    return TrainingState(
      step: step, elements: [:], values: tensors("value"),
      optimizer: OptimizerState(
        counters: ["step": step],
        slots: ["mean": tensors("mean"), "meanSquare": tensors("meanSquare")]),
      best: hasBest
        ? TrainingState.Best(
          step: step - 1, metrics: [("accuracy", 0.1), ("loss", 1 / 3)], elements: [:],
          values: tensors("best")) : nil,
      session: hasBest ? ["kept": tensors("kept"), "sensitivity": tensors("sensitivity")] : [:],
      evaluationsSinceBest: hasBest ? 1 : 0,
      effort: TrainingEffort(seconds: 1.25, warmTokens: 7, warmSeconds: 0.1),
      isEvaluationDue: isEvaluationDue)
  }

  private func expectSame(_ one: [String: Tensor]?, _ other: [String: Tensor]?) {
    #expect(one?.keys.sorted() == other?.keys.sorted())
    for (name, tensor) in one ?? [:] {
      #expect(other?[name]?.isIdentical(to: tensor) == true, "\(name)")
    }
  }

  @Test("every part of a state is restored bit for bit", arguments: [true, false], [true, false])
  func roundTrip(hasBest: Bool, isEvaluationDue: Bool) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    let saved = state(of: model, step: 3, hasBest: hasBest, isEvaluationDue: isEvaluationDue)
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: recipe)
    try store.save(saved, into: output)
    var opened = try #require(try CheckpointStore<TrainingState>.open(path, recipe: recipe))
    let found = try opened.load(for: (model, plannedSteps: 3)).state
    #expect(found.step == 3 && found.effort == saved.effort && !saved.values.isEmpty)
    #expect(found.isEvaluationDue == isEvaluationDue)
    #expect(found.evaluationsSinceBest == saved.evaluationsSinceBest)
    expectSame(saved.values, found.values)
    #expect(found.optimizer.counters == saved.optimizer.counters)
    for slot in ["mean", "meanSquare"] {
      expectSame(saved.optimizer.slots[slot], found.optimizer.slots[slot])
    }
    expectSame(saved.best?.values, found.best?.values)
    #expect(found.session.keys.sorted() == saved.session.keys.sorted())
    for (slot, tensors) in saved.session { expectSame(tensors, found.session[slot]) }
    #expect(found.best?.step == saved.best?.step)
    #expect(found.best?.metrics.map(\.name) == saved.best?.metrics.map(\.name))
    #expect(found.best?.metrics.map(\.value) == saved.best?.metrics.map(\.value))
  }

  @Test("a state of another model, or beyond the end of the run, is refused")
  func refused() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: recipe)
    try store.save(state(of: model, step: 3), into: output)
    for (other, steps, word) in [(model, 2, "2 steps"), (self.model(hiddenSize: 4), 3, "shape")] {
      let error = #expect(throws: FileError.self) {
        try store.load(for: (other, plannedSteps: steps))
      }
      #expect(error?.kind == .malformed && error?.reason.contains(word) == true)
      #expect(error?.path == path + "/checkpoint-3.safetensors")
    }
  }

  @Test("the state after an evaluation does not replace the earlier one, which the manifest names")
  func evaluation() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: recipe)
    try store.save(state(of: model, step: 3, hasBest: false, isEvaluationDue: true), into: output)
    let before = try Data(contentsOf: URL(filePath: path + "/checkpoint.json"))
    try store.save(state(of: model, step: 3), into: output)
    var newest = try #require(try CheckpointStore<TrainingState>.open(path, recipe: recipe))
    #expect(try newest.load(for: (model, 3)).state.isEvaluationDue == false)
    // Simulate a process that was killed before it replaced the manifest.
    try before.write(to: URL(filePath: path + "/checkpoint.json"))
    var opened = try #require(try CheckpointStore<TrainingState>.open(path, recipe: recipe))
    #expect(try opened.load(for: (model, 3)).state.isEvaluationDue)
  }

  @Test("states of version 1 are read, and one before an evaluation is written again")
  func version1() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: recipe)
    try store.save(state(of: model, step: 3, hasBest: false, isEvaluationDue: true), into: output)
    // Version 1 had no separate name for a state whose evaluation is due.
    let (new, old) = (path + "/checkpoint-3-due.safetensors", "checkpoint-3.safetensors")
    try FileManager.default.moveItem(atPath: new, toPath: output.file(old))
    try JSONFile.write(
      .object([
        "format": .integer(1), "recipe": .object([:]),
        "states": .array([
          .object([
            "file": .string(old), "sha256": .string(try Fingerprint.file(path + "/" + old)),
            "step": .integer(3),
            "tables": .object([
              "steps.csv": .object(["bytes": .integer(0), "sha256": .string("00")])
            ]),
          ])
        ]),
      ]), to: path + "/checkpoint.json")
    var opened = try #require(try CheckpointStore<TrainingState>.open(path, recipe: recipe))
    let saved = try opened.load(for: (model, 3))
    #expect(saved.state.isEvaluationDue && saved.marks.keys.sorted() == ["steps.csv"])
    try opened.save(state(of: model, step: 3), into: output)
    var newest = try #require(try CheckpointStore<TrainingState>.open(path, recipe: recipe))
    let found = try newest.load(for: (model, 3))
    #expect(!found.state.isEvaluationDue && found.state.best != nil && found.warning == nil)
  }
}
