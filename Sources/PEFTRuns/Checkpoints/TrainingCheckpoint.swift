import Foundation
import PEFTModels
import PEFTTensor
import PEFTTrain

/// A training state as one safetensors file: `value.NAME`, `mean.NAME`,
/// `meanSquare.NAME` and, where there was an evaluation, `best.NAME` for every trained
/// tensor; where a method chooses elements while training, `elements.NAME` and
/// `bestElements.NAME` are their positions; the rest is in the metadata.
enum TrainingCheckpoint {
  /// Writes the state of training `model`.
  static func save(
    _ state: TrainingState, of model: TransformerModel, to path: String
  ) throws(FileError) {
    let names = model.parameters.map(\.parameter.name)
    func outputs(_ prefix: String, _ tensors: [String: Tensor]) -> [SafetensorsOutput] {
      names.compactMap { name in
        tensors[name].map { tensor in
          SafetensorsOutput(name: "\(prefix).\(name)", shape: tensor.shape.extents) {
            (body) throws(FileError) in
            try tensor.withUnsafeElements(body)
          }
        }
      }
    }
    func numbers(_ prefix: String, _ elements: [String: [Int]]) -> [SafetensorsOutput] {
      names.compactMap { name in
        elements[name].map {
          SafetensorsOutput(
            name: "\(prefix).\(name)", shape: [$0.count], integers: $0.map(Int64.init))
        }
      }
    }
    var metadata = [
      "step": "\(state.step)", "optimizerStep": "\(state.optimizer.counters["step"] ?? 0)",
      "evaluationsSinceBest": "\(state.evaluationsSinceBest)",
      "seconds": "\(state.effort.seconds)", "warmSeconds": "\(state.effort.warmSeconds)",
      "warmTokens": "\(state.effort.warmTokens)",
    ]
    var tensors =
      outputs("value", state.values) + numbers("elements", state.elements)
      + state.optimizer.slots.sorted { $0.key < $1.key }.flatMap { outputs($0.key, $0.value) }
    if state.isEvaluationDue { metadata["evaluationIsDue"] = "1" }
    if let best = state.best {
      metadata["bestStep"] = "\(best.step)"
      metadata["bestMetrics"] = RunManifest.json(of: best.metrics).text()
      tensors += outputs("best", best.values) + numbers("bestElements", best.elements)
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
        remedy: "begin again with `overwrite`")
    }
    let elements = try Self.elements("elements", in: file, of: model)
    func tensors(_ prefix: String) throws(FileError) -> [String: Tensor] {
      var result: [String: Tensor] = [:]
      for parameter in model.parameters.map(\.parameter) {
        let chosen = elements[parameter.name]
        guard parameter.isTrainable || chosen != nil else { continue }
        let shape = chosen.map { [$0.count] } ?? parameter.trainableShape
        let name = "\(prefix).\(parameter.name)"
        guard file.entry(name)?.shape == shape.extents else {
          throw malformed("the tensor \(name) is missing or has another shape")
        }
        result[parameter.name] = Tensor(try file.floats(of: name), shape: shape)
      }
      return result
    }
    let numbers = CheckedNumbers(
      cells: file.metadata, path: path, place: "metadata", remedy: "begin again with `overwrite`")
    var best: TrainingState.Best?
    if file.metadata["bestStep"] != nil {
      let text = file.metadata["bestMetrics"] ?? ""
      guard let object = (try? JSONValue(parsing: text.utf8))?.object else {
        throw malformed("its metadata have no bestMetrics")
      }
      best = TrainingState.Best(
        step: try numbers.count("bestStep"),
        metrics: object.members.map { ($0.key, $0.value.double ?? .nan) },
        elements: try Self.elements("bestElements", in: file, of: model),
        values: try tensors("best"))
    }
    let step = try numbers.count("step")
    guard try numbers.count("optimizerStep") == step,
      try numbers.count("evaluationsSinceBest") <= step,
      best.map({ $0.step <= step }) != false
    else { throw malformed("its metadata contradict each other") }
    return TrainingState(
      step: step, elements: elements, values: try tensors("value"),
      optimizer: OptimizerState(
        counters: ["step": step],
        slots: ["mean": try tensors("mean"), "meanSquare": try tensors("meanSquare")]),
      best: best, evaluationsSinceBest: try numbers.count("evaluationsSinceBest"),
      effort: TrainingEffort(
        seconds: try numbers.seconds("seconds"), warmTokens: try numbers.count("warmTokens"),
        warmSeconds: try numbers.seconds("warmSeconds")),
      isEvaluationDue: try numbers.countIfPresent("evaluationIsDue", in: 0...1) == 1)
  }

  /// The elements that were chosen, by the parameter's name: ascending positions of parameters of
  /// which a method chooses elements while training.
  private static func elements(
    _ prefix: String, in file: SafetensorsReader, of model: TransformerModel
  ) throws(FileError) -> [String: [Int]] {
    var result: [String: [Int]] = [:]
    for parameter in model.parameters.map(\.parameter) where parameter.wantsWholeGradient {
      let name = "\(prefix).\(parameter.name)"
      guard file.entry(name) != nil else { continue }
      result[parameter.name] = try TrainedTensors.positions(name, in: file, of: parameter)
    }
    return result
  }
}
