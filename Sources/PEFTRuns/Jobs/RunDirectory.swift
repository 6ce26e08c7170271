import Foundation
import PEFTModels
import PEFTReport
import PEFTTensor
import PEFTTrain

/// The directory that a training run writes:
///
///     settings.json        the resolved settings, written first
///     environment.json     machine, libraries, instruction set, workers
///     rates.json           how the learning rate was found, if the run finds it itself
///     steps.csv            step, loss, learning_rate, gradient_norm, tokens
///     metrics.csv          step, split, metric, value
///     reselection.csv      step, change, group: what was chosen again, if anything was
///     events.jsonl         a log with times: steps, evaluations, interruptions
///     events.out.tfevents… the same numbers for TensorBoard
///     checkpoint.json      the states to resume from, until the run is finished
///     trained.safetensors  the tensors that trained
///     written.jsonl        the texts generated for the test prompts, if requested
///     report.html          a page that shows the run
///     summary.json         the result in a few numbers
///     run.json             the manifest with the SHA-256 of the others, written last
///     .peft.json           the marker of an `OutputDirectory`
///
/// A directory has a `run.json` once the run has ended, either finished or interrupted by a signal.
/// Without one, the run is in progress or its process was killed. Everything that does not depend
/// on the time is the same, bit for bit, however often the run was interrupted and resumed.
public struct RunDirectory {
  /// The name of the file with the texts generated for the test prompts.
  package static let writtenName = "written.jsonl"
  package static let settingsName = RunManifest.settingsName
  private static let metricsName = "metrics.csv"
  private static let reselectionName = "reselection.csv"

  /// The path.
  public var path: String { output.path }
  private let output: OutputDirectory
  private var steps: RunTable
  private var metrics: RunTable
  /// Begun when something is chosen again.
  private var reselections: RunTable?
  private var events: EventLog
  private var board: TensorBoardFile
  private var checkpoints: CheckpointStore<TrainingState>

  /// The files of a run that has ended, except the TensorBoard files, whose names depend on the
  /// time.
  package static let ownFiles = [
    RunManifest.fileName, settingsName, EnvironmentReport.fileName, RateSearch.fileName,
    StepRow.tableName, metricsName, reselectionName,
    EventLog.fileName, TrainedTensors.fileName, RunReport.fileName, writtenName,
    RunManifest.summaryName,
  ]

  /// Begins a run in `output` and writes everything known before the first step. The files of an
  /// earlier run are removed, its manifest first, so that a half-replaced run is never taken for a
  /// complete one.
  package init(
    beginningIn output: OutputDirectory, settings: JSONValue, recipe: JSONObject
  ) throws(FileError) {
    self.output = output
    try Self.clear(output)
    try output.claim(Self.ownFiles + [TrainingState.manifestName, TensorBoardFile.newName])
    try JSONFile.write(settings, to: output.file(Self.settingsName))
    try EnvironmentReport.write(to: output)
    steps = try RunTable(
      creating: try output.file(StepRow.tableName),
      header: StepRow.header)
    metrics = try RunTable(
      creating: try output.file(Self.metricsName), header: "step,split,metric,value")
    events = try EventLog(in: output, resuming: false)
    board = try TensorBoardFile(in: output, after: 0)
    checkpoints = CheckpointStore(directory: output.path, recipe: recipe)
    try events.add("begin", ["environment": EnvironmentReport.json])
  }

  /// Resumes an interrupted run from its last checkpoint.
  ///
  /// - Returns: the state to resume training from, and messages for the user; nil if there is no
  ///   checkpoint yet.
  /// - Throws: `malformed` if the run was begun with other options or files.
  package static func resume(
    in output: OutputDirectory, recipe: JSONObject, model: TransformerModel, plannedSteps: Int
  ) throws(FileError) -> (directory: RunDirectory, state: TrainingState, notes: [String])? {
    guard
      var checkpoints = try CheckpointStore<TrainingState>.open(output.path, recipe: recipe)
    else { return nil }
    let saved = try checkpoints.load(for: (model, plannedSteps))
    var notes = saved.warning.map { [$0] } ?? []
    notes += try Self.changes(since: output.path + "/" + EnvironmentReport.fileName)
    let directory = try RunDirectory(resumingIn: output, checkpoints, saved)
    return (directory, saved.state, notes)
  }

  private init(
    resumingIn output: OutputDirectory, _ checkpoints: CheckpointStore<TrainingState>,
    _ saved: CheckpointStore<TrainingState>.Saved
  ) throws(FileError) {
    self.output = output
    self.checkpoints = checkpoints
    func table(_ name: String) throws(FileError) -> RunTable {
      guard let mark = saved.marks[name] else {
        throw FileError(
          .malformed, path: output.path + "/" + TrainingState.manifestName, place: name,
          reason: "the table is not described", remedy: "begin again with `overwrite`")
      }
      return try RunTable(reopening: try output.file(name), at: mark)
    }
    try output.claim(Self.ownFiles)
    steps = try table(StepRow.tableName)
    metrics = try table(Self.metricsName)
    if saved.marks[Self.reselectionName] != nil {
      reselections = try table(Self.reselectionName)
    } else {
      try output.remove([Self.reselectionName])
    }
    events = try EventLog(in: output, resuming: true)
    board = try TensorBoardFile(in: output, after: saved.state.step)
    try events.add(
      "resume", ["step": .integer(saved.state.step), "environment": EnvironmentReport.json])
  }

  /// Opens the directory of a stand-alone run.
  ///
  /// With `resuming`, a directory from an earlier version, which wrote no marker, is recognised by
  /// its checkpoints.
  package static func output(
    _ path: String, start: RunStart
  ) throws(FileError) -> OutputDirectory {
    let output = try OutputDirectory(path, as: .run) { () throws(FileError) in
      guard start == .resuming,
        let states = try CheckpointStore<TrainingState>.fileNames(in: path)
      else { return nil }
      // A run interrupted by a signal also has a manifest.
      let ended = (try? RunManifest.read(path)).map {
        $0.files.keys + [RunManifest.fileName, RunReport.fileName]
      }
      return states + (ended ?? []) + [
        settingsName, EnvironmentReport.fileName, EventLog.fileName, StepRow.tableName, metricsName,
      ]
    }
    if start != .resuming { try output.begin(overwriting: start == .overwriting) }
    return output
  }

  /// Throws if `output` has a run that has ended, or a run begun with other settings.
  package static func checkUnfinished(_ output: OutputDirectory, settings: JSONValue)
    throws(FileError)
  {
    func refusal(_ name: String) -> FileError {
      FileError(
        .storage, path: output.path, reason: "there is a \(name) of another run in it",
        remedy: "name another directory, or add `overwrite` in place of `resume`")
    }
    // A run that was stopped while it looked for its learning rate has a manifest and no state.
    if try output.has(RunManifest.fileName),
      (try? RunManifest.read(output.path)).map({
        $0.outcome.ending == .interrupted && $0.outcome.steps == 0
      }) != true
    {
      throw refusal(RunManifest.fileName)
    }
    guard try output.has(settingsName) else { return }
    let path = output.path + "/" + settingsName
    guard let found = try? JSONValue(contentsOf: path).object, let wanted = settings.object,
      (try? Recipe.check(found, is: wanted, path: path)) != nil
    else { throw refusal(settingsName) }
  }

  /// Records an event.
  package mutating func record(_ event: TrainingEvent) throws(FileError) {
    switch event {
    case .step(let report):
      let numbers = report.numbers
      try steps.append(StepRow.text(report))
      try events.add(
        "step",
        [
          "step": .integer(numbers.step), "loss": .number(numbers.loss),
          "tokens": .integer(report.tokens), "seconds": .number(report.seconds),
        ])
      try board.add(
        [
          ("train/loss", numbers.loss), ("train/learning_rate", numbers.learningRate),
          ("train/gradient_norm", numbers.gradientNorm),
          ("train/tokens_per_second", Double(report.tokens) / max(report.seconds, 1e-9)),
        ], step: numbers.step)
    case .evaluation(let step, let values, _):
      try add(values, split: "dev", step: step)
    case .reselection(let step, let reselection):
      try add(reselection, step: step)
    }
  }

  private mutating func add(_ reselection: Reselection, step: Int) throws(FileError) {
    var table: RunTable
    if let reselections {
      table = reselections
    } else {
      table = try RunTable(
        creating: output.file(Self.reselectionName), header: "step,change,group")
    }
    let changes = [
      ("added", reselection.added), ("dropped", reselection.dropped), ("kept", reselection.kept),
    ]
    for (change, groups) in changes {
      for group in groups { try table.append("\(step),\(change),\(group)") }
    }
    reselections = table
    var object: JSONObject = [
      "step": .integer(step), "trainable": .integer(reselection.trainable),
      "seconds": .number(reselection.seconds),
    ]
    for (change, groups) in changes { object[change] = .array(groups.map { .string($0) }) }
    try events.add("reselection", object)
  }

  /// Records how the run found its learning rate, and the beginning with this rate.
  package mutating func begin(with beginning: RunBeginning) throws(FileError) {
    try beginning.search.write(to: output.file(RateSearch.fileName))
    try events.add("rate", ["search": beginning.search.json])
    for event in beginning.events { try record(event) }
    if let state = beginning.state { try save(state) }
  }

  /// Records metrics of a split.
  package mutating func add(
    _ values: [(name: String, value: Double)], split: String, step: Int
  ) throws(FileError) {
    for (name, value) in values { try metrics.append("\(step),\(split),\(name),\(value)") }
    try events.add(
      "evaluation",
      [
        "step": .integer(step), "split": .string(split), "metrics": RunManifest.json(of: values),
      ])
    try board.add(values.map { ("\(split)/\($0.name)", $0.value) }, step: step)
  }

  /// Saves a state to resume from.
  package mutating func save(_ state: TrainingState) throws(FileError) {
    try steps.synchronize()
    try metrics.synchronize()
    try reselections?.synchronize()
    var marks = [StepRow.tableName: steps.mark, Self.metricsName: metrics.mark]
    marks[Self.reselectionName] = reselections?.mark
    try checkpoints.save(state, marks: marks, into: output)
    try events.add("checkpoint", ["step": .integer(state.step)])
  }

  /// Writes tensors, page and manifest, and removes the checkpoints of a finished run.
  ///
  /// - Parameter drawn: the names of the tensors that the base model lacks.
  package mutating func finish(
    _ manifest: RunManifest, model: TransformerModel, drawn: [String]
  ) throws(FileError) {
    try steps.synchronize()
    try metrics.synchronize()
    try reselections?.synchronize()
    // The manifest of an earlier interruption would no longer match its files.
    try output.remove([RunManifest.fileName])
    try TrainedTensors.save(model, drawn: drawn, to: output.file(TrainedTensors.fileName))
    try events.add("end", ["ending": .string(manifest.outcome.ending.rawValue)])
    try JSONFile.write(
      .object(manifest.summary), to: output.file(RunManifest.summaryName))
    var manifest = manifest
    for name in output.files(where: Self.isBound) where try output.has(name) {
      manifest.files[name] = try Fingerprint.file(path + "/" + name)
    }
    let page = RunReport(runs: [
      RunReport.Run(
        name: URL(filePath: path).lastPathComponent, manifest: manifest,
        history: try RunHistory(path), environment: EnvironmentReport.facts)
    ])
    try PageFile.write(page.html, to: output.file(RunReport.fileName))
    try manifest.write(to: output.file(RunManifest.fileName))
    guard manifest.outcome.ending != .interrupted else { return }
    try CheckpointStore<TrainingState>.remove(from: output)
  }

  /// Whether the manifest has the digest of the file `name`. A page has its own digest and may be
  /// regenerated.
  private static func isBound(_ name: String) -> Bool {
    isOwn(name) && name != RunReport.fileName && name != RunManifest.fileName
  }

  /// Whether the file `name` is required to open a run. Logs and texts may be deleted.
  package static func isOpened(_ name: String) -> Bool {
    [TrainedTensors.fileName, settingsName, EnvironmentReport.fileName].contains(name)
  }

  private static func isOwn(_ name: String) -> Bool {
    ownFiles.contains(name) || name.hasPrefix(TensorBoardFile.namePrefix)
  }
}

extension RunDirectory {
  /// Copies a run that has ended to `target`, replacing an existing run; the manifest is written
  /// last.
  package static func copy(_ source: String, to target: OutputDirectory) throws(FileError) {
    try clear(target)
    let names = try DirectoryHandle(source).names().filter(isOwn).sorted()
    try target.claim(names)
    for name in names.filter({ $0 != RunManifest.fileName }) + [RunManifest.fileName] {
      try AtomicFile.write(FileContents.read(source + "/" + name), to: target.file(name))
    }
  }

  /// Removes a run's own files, the manifest first and the settings last.
  private static func clear(_ output: OutputDirectory) throws(FileError) {
    try output.remove([RunManifest.fileName])
    try CheckpointStore<TrainingState>.remove(from: output)
    try output.remove(output.files { isOwn($0) && $0 != settingsName } + [settingsName])
  }

  /// The differences from the environment in which the run was begun that may change its last bits.
  private static func changes(since path: String) throws(FileError) -> [String] {
    let before = try JSONValue(contentsOf: path)
    return ["instructionSet", "blasCore", "workers"].compactMap { key in
      let (old, new) = (before[key]?.text() ?? "unknown", EnvironmentReport.json[key]?.text() ?? "")
      return old == new
        ? nil
        : "\(key) was \(old) when the run was started and is \(new) now: the last bits of its results may "
          + "differ"
    }
  }
}
