import PEFTModels
import PEFTTensor
import PEFTTrain

/// A training state as one safetensors file.
///
/// For every trained tensor it has `value.NAME`, `mean.NAME`, `meanSquare.NAME` and, after the
/// first evaluation, `best.NAME`; for a frozen parameter of an adapter, `value.NAME`. If only some
/// elements of a tensor train, their positions are in `elements.NAME`, those of elements that
/// trained earlier in `retired.NAME`, and those of the best evaluation in `bestElements.NAME` and
/// `bestRetired.NAME`; `value.NAME` and `best.NAME` have both kinds, `age.NAME` the numbers of
/// their steps, where these count. Rows are in `rows.NAME` and `bestRows.NAME`. What a method's
/// session depends on is in `session.SLOT.NAME`. The rest is in the metadata.
extension TrainingState: CheckpointState {
  /// A model and the number of steps planned for its run.
  public typealias Subject = (model: TransformerModel, plannedSteps: Int)

  /// The name of the manifest.
  public static var manifestName: String { "checkpoint.json" }
  /// The name of the file without its step.
  public static var partNames: [String] { [partName] }
  private static var partName: String { "checkpoint" }
  private static var sessionPrefix: String { "session." }

  /// The step.
  public var numbers: JSONObject { ["step": .integer(step)] }
  /// The step, in words.
  public var progress: String { "step \(step)" }

  /// The state as a single file.
  public var parts: [CheckpointPart] {
    func numbers(
      _ names: HistoryNames, _ elements: [String: TrainingHistory]
    ) -> [SafetensorsOutput] {
      elements.sorted { $0.key < $1.key }.flatMap { name, history in
        [
          (names.elements, history.trains.chosenElements), (names.rows, history.trains.chosenRows),
          (names.retired, history.retired.isEmpty ? nil : history.retired),
        ].compactMap { prefix, positions in
          positions.map {
            SafetensorsOutput(
              name: "\(prefix).\(name)", shape: [$0.count], integers: $0.map(Int64.init))
          }
        }
      }
    }
    var metadata = [
      "step": "\(step)", "optimizerStep": "\(optimizer.counters["step"] ?? 0)",
      "evaluationsSinceBest": "\(evaluationsSinceBest)",
      "seconds": "\(effort.seconds)", "warmSeconds": "\(effort.warmSeconds)",
      "warmTokens": "\(effort.warmTokens)",
    ]
    var tensors =
      CheckpointPart.outputs("value", values) + numbers(.now, elements)
      + optimizer.slots.sorted { $0.key < $1.key }
      .flatMap { CheckpointPart.outputs($0.key, $0.value) }
      + session.sorted { $0.key < $1.key }
      .flatMap { CheckpointPart.outputs("\(Self.sessionPrefix)\($0.key)", $0.value) }
    if effort.choosingSeconds > 0 { metadata["choosingSeconds"] = "\(effort.choosingSeconds)" }
    metadata["decaysAll"] = optimizer.counters["decaysAll"].map(String.init)
    metadata["correctsByAge"] = optimizer.counters["correctsByAge"].map(String.init)
    if isEvaluationDue { metadata["evaluationIsDue"] = "1" }
    if let best {
      metadata["bestStep"] = "\(best.step)"
      metadata["bestMetrics"] = RunManifest.json(of: best.metrics).text()
      tensors +=
        CheckpointPart.outputs("best", best.values) + numbers(.best, best.elements)
    }
    // The evaluation after a step changes the state.
    let key = "\(step)" + (isEvaluationDue ? "-due" : "")
    return [CheckpointPart(Self.partName, key: key, tensors: tensors, metadata: metadata)]
  }

  /// Reads the state back.
  ///
  /// Throws `malformed` for a state of another model, or beyond the end of the run.
  public init(from files: CheckpointFiles, for subject: Subject) throws(FileError) {
    let file = files[Self.partName]
    subject.model.settleRanks { file.entry("value." + $0)?.shape }
    let parameters = subject.model.parameters.map(\.parameter)
    func malformed(_ reason: String) -> FileError { files.malformed(Self.partName, reason) }
    func histories(_ names: HistoryNames) throws(FileError) -> [String: TrainingHistory] {
      var result: [String: TrainingHistory] = [:]
      for parameter in parameters
      where parameter.recordsElements || parameter.trains.chosenRows != nil {
        result[parameter.name] = try names.history(of: parameter, in: file)
      }
      return result
    }
    let chosen = try histories(.now)
    /// The shapes of what trains, or of what has trained until now.
    func shapes(
      _ elements: (TrainingHistory, Shape) -> TrainableElements
    ) -> [(name: String, shape: Shape)] {
      parameters.compactMap { parameter in
        let unnamed = parameter.recordsElements ? TrainableElements.none : parameter.trains
        let history = chosen[parameter.name] ?? TrainingHistory(trains: unnamed)
        let elements = elements(history, parameter.shape)
        return elements == .none
          ? nil : (parameter.name, elements.shape(in: parameter.shape))
      }
    }
    let (current, recorded) = (
      shapes { history, _ in history.trains }, shapes { $0.recorded(in: $1) }
    )
    func tensors(
      _ prefix: String, _ shapes: [(name: String, shape: Shape)]
    ) throws(FileError) -> [String: Tensor] {
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
        elements: try histories(.best), values: try tensors("best", recorded))
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
    var slots = [
      "mean": try tensors("mean", current), "meanSquare": try tensors("meanSquare", current),
    ]
    counters["correctsByAge"] = try numbers.countIfPresent("correctsByAge", in: 0...1)
    if counters["correctsByAge"] == 1 {
      slots["age"] = try tensors(
        "age", current.filter { chosen[$0.name]?.trains.chosenElements != nil })
    }
    self.init(
      step: step, elements: chosen,
      values: try tensors("value", recorded).merging(constants) { value, _ in value },
      optimizer: OptimizerState(counters: counters, slots: slots),
      best: best, session: try Self.session(in: files, of: parameters),
      evaluationsSinceBest: try numbers.count("evaluationsSinceBest"),
      effort: TrainingEffort(
        seconds: try numbers.seconds("seconds"), warmTokens: try numbers.count("warmTokens"),
        warmSeconds: try numbers.seconds("warmSeconds"),
        choosingSeconds: try numbers.secondsIfPresent("choosingSeconds") ?? 0),
      isEvaluationDue: try numbers.countIfPresent("evaluationIsDue", in: 0...1) == 1)
  }

  /// The tensors of the session, each of which must belong to one of `parameters`.
  private static func session(
    in files: CheckpointFiles, of parameters: [Parameter]
  ) throws(FileError) -> [String: [String: Tensor]] {
    var session: [String: [String: Tensor]] = [:]
    let shapes = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.shape) })
    for name in files[partName].tensorNames where name.hasPrefix(sessionPrefix) {
      let rest = name.dropFirst(sessionPrefix.count)
      let slot = String(rest.prefix { $0 != "." })
      let parameter = String(rest.dropFirst(slot.count + 1))
      guard let shape = shapes[parameter] else {
        throw files.malformed(partName, at: name, "the model has no such parameter")
      }
      let found = try files.tensors(
        sessionPrefix + slot, [(name: parameter, shape: shape)], in: partName)
      session[slot, default: [:]].merge(found) { _, new in new }
    }
    return session
  }
}
