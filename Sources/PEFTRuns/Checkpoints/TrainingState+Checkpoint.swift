import PEFTModels
import PEFTTensor
import PEFTTrain

/// A training state as one safetensors file.
///
/// For every trained tensor it has `value.NAME`, `mean.NAME`, `meanSquare.NAME` and, after the
/// first evaluation, `best.NAME`; for a frozen parameter of an adapter, `value.NAME`. If a method
/// chooses elements, their positions are in `elements.NAME` and `bestElements.NAME`. The rest is in
/// the metadata.
extension TrainingState: CheckpointState {
  /// A model and the number of steps planned for its run.
  public typealias Subject = (model: TransformerModel, plannedSteps: Int)

  /// The name of the manifest.
  public static var manifestName: String { "checkpoint.json" }
  /// The name of the file without its step.
  public static var partNames: [String] { [partName] }
  private static var partName: String { "checkpoint" }

  /// The step.
  public var numbers: JSONObject { ["step": .integer(step)] }
  /// The step, in words.
  public var progress: String { "step \(step)" }

  /// The state as a single file.
  public var parts: [CheckpointPart] {
    func numbers(_ prefix: String, _ elements: [String: [Int]]) -> [SafetensorsOutput] {
      elements.sorted { $0.key < $1.key }.map { name, positions in
        SafetensorsOutput(
          name: "\(prefix).\(name)", shape: [positions.count], integers: positions.map(Int64.init))
      }
    }
    var metadata = [
      "step": "\(step)", "optimizerStep": "\(optimizer.counters["step"] ?? 0)",
      "evaluationsSinceBest": "\(evaluationsSinceBest)",
      "seconds": "\(effort.seconds)", "warmSeconds": "\(effort.warmSeconds)",
      "warmTokens": "\(effort.warmTokens)",
    ]
    var tensors =
      CheckpointPart.outputs("value", values) + numbers("elements", elements)
      + optimizer.slots.sorted { $0.key < $1.key }
      .flatMap { CheckpointPart.outputs($0.key, $0.value) }
    if effort.choosingSeconds > 0 { metadata["choosingSeconds"] = "\(effort.choosingSeconds)" }
    metadata["decaysAll"] = optimizer.counters["decaysAll"].map(String.init)
    if isEvaluationDue { metadata["evaluationIsDue"] = "1" }
    if let best {
      metadata["bestStep"] = "\(best.step)"
      metadata["bestMetrics"] = RunManifest.json(of: best.metrics).text()
      tensors +=
        CheckpointPart.outputs("best", best.values) + numbers("bestElements", best.elements)
    }
    // The evaluation after a step changes the state.
    let key = "\(step)" + (isEvaluationDue ? "-due" : "")
    return [CheckpointPart(Self.partName, key: key, tensors: tensors, metadata: metadata)]
  }

  /// Reads the state back.
  ///
  /// Throws `malformed` for a state of another model, or beyond the end of the run.
  public init(from files: CheckpointFiles, for subject: Subject) throws(FileError) {
    let (file, parameters) = (files[Self.partName], subject.model.parameters.map(\.parameter))
    func malformed(_ reason: String) -> FileError { files.malformed(Self.partName, reason) }
    func elements(_ prefix: String) throws(FileError) -> [String: [Int]] {
      var result: [String: [Int]] = [:]
      for parameter in parameters where parameter.recordsElements {
        let name = "\(prefix).\(parameter.name)"
        guard file.entry(name) != nil else { continue }
        result[parameter.name] = try TrainedTensors.positions(name, in: file, of: parameter)
      }
      return result
    }
    let chosen = try elements("elements")
    let shapes: [(name: String, shape: Shape)] = parameters.compactMap { parameter in
      if let elements = chosen[parameter.name] { return (parameter.name, [elements.count]) }
      let isWhole = parameter.isTrainable && parameter.trains.chosenElements == nil
      return isWhole ? (parameter.name, parameter.trainableShape) : nil
    }
    func tensors(_ prefix: String) throws(FileError) -> [String: Tensor] {
      try files.tensors(prefix, shapes, in: Self.partName)
    }
    let frozen = subject.model.frozenAdapterParameters.map { (name: $0.name, shape: $0.shape) }
    let constants = try files.tensors("value", frozen, in: Self.partName)
    let numbers = CheckedNumbers(
      cells: file.metadata, path: file.path, place: "metadata", remedy: CheckpointFiles.remedy)
    var best: Best?
    if file.metadata["bestStep"] != nil {
      let text = file.metadata["bestMetrics"] ?? ""
      guard let object = (try? JSONValue(parsing: text.utf8))?.object else {
        throw malformed("its metadata have no bestMetrics")
      }
      best = Best(
        step: try numbers.count("bestStep"),
        metrics: object.members.map { ($0.key, $0.value.double ?? .nan) },
        elements: try elements("bestElements"), values: try tensors("best"))
    }
    let (step, noted) = (try numbers.count("step"), try files.numbers.count("step"))
    guard step == noted else {
      throw malformed(
        "it is a state after step \(step), and \(Self.manifestName) says step \(noted)")
    }
    guard step <= subject.plannedSteps else {
      throw malformed(
        "it is a state after step \(step), and the run has \(subject.plannedSteps) steps")
    }
    guard try numbers.count("optimizerStep") == step,
      try numbers.count("evaluationsSinceBest") <= step,
      best.map({ $0.step <= step }) != false
    else { throw malformed("its metadata contradict each other") }
    var counters = ["step": step]
    counters["decaysAll"] = try numbers.countIfPresent("decaysAll", in: 0...1)
    self.init(
      step: step, elements: chosen,
      values: try tensors("value").merging(constants) { value, _ in value },
      optimizer: OptimizerState(
        counters: counters,
        slots: ["mean": try tensors("mean"), "meanSquare": try tensors("meanSquare")]),
      best: best, evaluationsSinceBest: try numbers.count("evaluationsSinceBest"),
      effort: TrainingEffort(
        seconds: try numbers.seconds("seconds"), warmTokens: try numbers.count("warmTokens"),
        warmSeconds: try numbers.seconds("warmSeconds"),
        choosingSeconds: try numbers.secondsIfPresent("choosingSeconds") ?? 0),
      isEvaluationDue: try numbers.countIfPresent("evaluationIsDue", in: 0...1) == 1)
  }
}
