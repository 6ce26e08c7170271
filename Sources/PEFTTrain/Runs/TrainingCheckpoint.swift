import Foundation
import PEFTModels
import PEFTTensor

/// A training state as one safetensors file: `value.NAME`, `mean.NAME`,
/// `meanSquare.NAME` and, where there was an evaluation, `best.NAME` for every trained
/// tensor; the rest is in the metadata.
enum TrainingCheckpoint {
  /// Writes the state of training `model`.
  static func save(
    _ state: TrainingState, of model: TransformerModel, to path: String
  ) throws(FileError) {
    let parameters = model.trainableParameters
    func outputs(_ prefix: String, _ tensors: [Tensor]) -> [SafetensorsOutput] {
      zip(parameters, tensors).map { parameter, tensor in
        SafetensorsOutput(name: "\(prefix).\(parameter.name)", shape: tensor.shape.extents) {
          (body) throws(FileError) in
          try tensor.withUnsafeElements(body)
        }
      }
    }
    var metadata = [
      "step": "\(state.step)", "optimizerStep": "\(state.optimizer.stepCount)",
      "evaluationsSinceBest": "\(state.evaluationsSinceBest)",
      "seconds": "\(state.effort.seconds)", "warmSeconds": "\(state.effort.warmSeconds)",
      "warmTokens": "\(state.effort.warmTokens)",
    ]
    var tensors =
      outputs("value", state.values) + outputs("mean", state.optimizer.means)
      + outputs("meanSquare", state.optimizer.meanSquares)
    if state.isEvaluationDue { metadata["evaluationIsDue"] = "1" }
    if let best = state.best {
      metadata["bestStep"] = "\(best.step)"
      metadata["bestMetrics"] = RunManifest.json(of: best.metrics).text()
      tensors += outputs("best", best.values)
    }
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
  }

  /// Reads the state back.
  ///
  /// Throws `malformed` for a file of another model.
  static func load(
    _ path: String, of model: TransformerModel
  ) throws(FileError) -> TrainingState {
    let file = try SafetensorsReader(path: path)
    func malformed(_ reason: String) -> FileError {
      FileError(
        .malformed, path: path, reason: reason,
        remedy: "begin again (--overwrite)")
    }
    func tensors(_ prefix: String) throws(FileError) -> [Tensor] {
      var result: [Tensor] = []
      for parameter in model.trainableParameters {
        let name = "\(prefix).\(parameter.name)"
        guard file.entry(name)?.shape == parameter.gradientShape.extents else {
          throw malformed("the tensor \(name) is missing or has another shape")
        }
        result.append(Tensor(try file.floats(of: name), shape: parameter.gradientShape))
      }
      return result
    }
    let numbers = CheckedNumbers(
      cells: file.metadata, path: path, place: "metadata", remedy: "begin again (--overwrite)")
    var best: TrainingState.Best?
    if file.metadata["bestStep"] != nil {
      let text = file.metadata["bestMetrics"] ?? ""
      guard let object = (try? JSONValue(parsing: text.utf8))?.object else {
        throw malformed("its metadata have no bestMetrics")
      }
      best = TrainingState.Best(
        step: try numbers.count("bestStep"),
        metrics: object.members.map { ($0.key, $0.value.double ?? .nan) },
        values: try tensors("best"))
    }
    let step = try numbers.count("step")
    guard try numbers.count("optimizerStep") == step,
      try numbers.count("evaluationsSinceBest") <= step,
      best.map({ $0.step <= step }) != false
    else { throw malformed("its metadata contradict each other") }
    return TrainingState(
      step: step, values: try tensors("value"),
      optimizer: AdamW.State(
        stepCount: step, means: try tensors("mean"),
        meanSquares: try tensors("meanSquare")),
      best: best, evaluationsSinceBest: try numbers.count("evaluationsSinceBest"),
      effort: TrainingEffort(
        seconds: try numbers.seconds("seconds"), warmTokens: try numbers.count("warmTokens"),
        warmSeconds: try numbers.seconds("warmSeconds")),
      isEvaluationDue: try numbers.countIfPresent("evaluationIsDue", in: 0...1) == 1)
  }
}
