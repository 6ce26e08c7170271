import Foundation
import PEFTModels
import PEFTTensor

/// The directory that a training run writes:
///
///     settings.json        the resolved settings, written first
///     environment.json     machine, libraries, instruction set, workers
///     steps.csv            step, loss, learning_rate, gradient_norm, tokens
///     metrics.csv          step, split, metric, value
///     events.jsonl         what happened when: steps with their seconds, evaluations, interruptions
///     events.out.tfevents… the same numbers for TensorBoard
///     checkpoint.json      the states to go on from, while the run is not finished
///     trained.safetensors  the tensors that trained
///     written.jsonl        what was written after the test prompts, where that was asked for
///     report.html          a page that shows the run
///     run.json             the manifest with the SHA-256 of the others, written last
///
/// A directory with a `run.json` is a run that ended; one without it is not. What does not tell the time is
/// the same, to the bit, however often the run was ended and gone on with.
public struct RunDirectory {
  /// The name of the file with what was written after the test prompts.
  static let writtenName = "written.jsonl"
  static let settingsName = "settings.json"
  private static let stepsName = "steps.csv"
  private static let metricsName = "metrics.csv"

  /// The path.
  public let path: String
  private var steps: RunTable
  private var metrics: RunTable
  private var events: EventLog
  private var board: TensorBoardFile
  private var checkpoints: CheckpointStore
  private let lock: DirectoryLock

  private static let ownFiles = [
    RunManifest.fileName, settingsName, EnvironmentReport.fileName, stepsName, metricsName,
    EventLog.fileName, TrainedTensors.fileName, RunReport.fileName, writtenName,
  ]

  /// Creates the directory and writes what is known before the first step.
  ///
  /// A directory that is not empty is refused, unless `overwriting`, and then only a run's own
  /// files are replaced: the manifest goes first, so that a half-replaced run is never taken for a
  /// whole one.
  init(
    creating path: String, overwriting: Bool, settings: JSONValue, recipe: JSONObject
  ) throws(FileError) {
    self.path = path
    try Directory.create(path)
    lock = try DirectoryLock(path)
    let entries = try DirectoryEntries.names(in: path)
    if !entries.allSatisfy(Directory.isLeftOver) {
      guard overwriting else {
        throw FileError(
          .storage, path: path, reason: "the directory is not empty",
          remedy: "name another one, add --overwrite, or go on with --resume")
      }
      try Self.clear(path, entries)
    }
    Directory.removeLeftOvers(in: path)
    try JSONFile.write(settings, to: path + "/" + Self.settingsName)
    try JSONFile.write(EnvironmentReport.json, to: path + "/" + EnvironmentReport.fileName)
    steps = try RunTable(
      creating: path + "/" + Self.stepsName,
      header: "step,loss,learning_rate,gradient_norm,tokens")
    metrics = try RunTable(
      creating: path + "/" + Self.metricsName, header: "step,split,metric,value")
    events = try EventLog(in: path, resuming: false)
    board = try TensorBoardFile(in: path, after: 0)
    checkpoints = CheckpointStore(directory: path, recipe: recipe)
    try events.add("begin", ["environment": EnvironmentReport.json])
  }

  /// Goes on with a run that was ended, from its last checkpoint.
  ///
  /// - Returns: the state to train on from, and what the user should know; nil where there is no
  ///   checkpoint yet.
  /// - Throws: `malformed` where the run was begun with other options or files.
  static func resume(
    _ path: String, recipe: JSONObject, model: TransformerModel, plannedSteps: Int
  ) throws(FileError) -> (directory: RunDirectory, state: TrainingState, notes: [String])? {
    let manifest = path + "/" + CheckpointStore.manifestName
    guard FileManager.default.fileExists(atPath: manifest) else { return nil }
    let lock = try DirectoryLock(path)
    guard var checkpoints = try CheckpointStore.open(path, recipe: recipe) else { return nil }
    let saved = try checkpoints.load(for: model, plannedSteps: plannedSteps)
    var notes = saved.warning.map { [$0] } ?? []
    notes += try Self.changes(since: path + "/" + EnvironmentReport.fileName)
    let directory = try RunDirectory(resuming: path, checkpoints, saved, lock)
    return (directory, saved.state, notes)
  }

  private init(
    resuming path: String, _ checkpoints: CheckpointStore, _ saved: CheckpointStore.Saved,
    _ lock: DirectoryLock
  ) throws(FileError) {
    self.path = path
    self.lock = lock
    self.checkpoints = checkpoints
    func table(_ name: String) throws(FileError) -> RunTable {
      guard let mark = saved.marks[name] else {
        throw FileError(
          .malformed, path: path + "/" + CheckpointStore.manifestName, place: name,
          reason: "the table is not described", remedy: "begin again with --overwrite")
      }
      return try RunTable(reopening: path + "/" + name, at: mark)
    }
    Directory.removeLeftOvers(in: path)
    steps = try table(Self.stepsName)
    metrics = try table(Self.metricsName)
    events = try EventLog(in: path, resuming: true)
    board = try TensorBoardFile(in: path, after: saved.state.step)
    try events.add(
      "resume", ["step": .integer(saved.state.step), "environment": EnvironmentReport.json])
  }

  /// Whether an unfinished run without a checkpoint was begun with these settings, so that it can be begun
  /// again in its place.
  static func isUnfinished(_ path: String, settings: JSONValue) -> Bool {
    guard !FileManager.default.fileExists(atPath: path + "/" + RunManifest.fileName) else {
      return false
    }
    return (try? self.settings(of: path, are: settings)) ?? false
  }

  /// Whether the run in `path` has these settings.
  private static func settings(of path: String, are settings: JSONValue) throws(FileError) -> Bool {
    // As they would come back from a file.
    let wanted = (try? JSONValue(parsing: settings.text().utf8)) ?? settings
    return try JSONValue(contentsOf: path + "/" + settingsName) == wanted
  }

  /// Whether a run is in `path`, ended or not, or a delta.
  static func isThere(_ path: String) -> Bool {
    [RunManifest.fileName, settingsName].contains {
      FileManager.default.fileExists(atPath: path + "/" + $0)
    }
  }

  /// Removes what a process left that was killed when its run had ended.
  static func tidy(_ path: String) {
    CheckpointStore.remove(from: path)
    Directory.removeLeftOvers(in: path)
  }

  /// Notes an event.
  mutating func record(_ event: TrainingEvent) throws(FileError) {
    switch event {
    case .step(let report):
      let numbers = report.numbers
      try steps.append(
        "\(numbers.step),\(numbers.loss),\(numbers.learningRate),\(numbers.gradientNorm),"
          + "\(report.tokens)")
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
    }
  }

  /// Notes metrics of a split.
  mutating func add(
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

  /// Saves a state to go on from.
  mutating func save(_ state: TrainingState, of model: TransformerModel) throws(FileError) {
    try steps.synchronize()
    try metrics.synchronize()
    try checkpoints.save(
      state, of: model,
      marks: [Self.stepsName: steps.mark, Self.metricsName: metrics.mark])
    try events.add("checkpoint", ["step": .integer(state.step)])
  }

  /// Writes tensors, page and manifest; the checkpoints of a run that came to its end go.
  ///
  /// - Parameter drawn: the names of what the base model lacks.
  mutating func finish(
    _ manifest: RunManifest, model: TransformerModel, drawn: [String]
  ) throws(FileError) {
    try steps.synchronize()
    try metrics.synchronize()
    // That of an earlier interruption would no longer fit its files.
    try? FileManager.default.removeItem(atPath: path + "/" + RunManifest.fileName)
    try TrainedTensors.save(model, drawn: drawn, to: path + "/" + TrainedTensors.fileName)
    var manifest = manifest
    for name in [TrainedTensors.fileName, Self.settingsName, EnvironmentReport.fileName] {
      manifest.files[name] = try Fingerprint.file(path + "/" + name)
    }
    let page = RunReport(runs: [
      RunReport.Run(
        name: URL(filePath: path).lastPathComponent, manifest: manifest,
        history: try RunHistory(path), environment: EnvironmentReport.facts)
    ])
    try AtomicFile.write(Array(page.html.utf8), to: path + "/" + RunReport.fileName)
    try events.add("end", ["ending": .string(manifest.outcome.ending.rawValue)])
    try JSONFile.write(manifest.json, to: path + "/" + RunManifest.fileName)
    if manifest.outcome.ending != .interrupted { CheckpointStore.remove(from: path) }
  }
}

extension RunDirectory {
  /// Copies a run that ended to `target`, in place of one that may be there; the manifest goes last.
  static func copy(_ source: String, to target: String) throws(FileError) {
    try Directory.create(target)
    let entries = try DirectoryEntries.names(in: target)
    try clear(target, entries)
    let names = try DirectoryEntries.names(in: source)
    for name in names.filter({ $0 != RunManifest.fileName }) + [RunManifest.fileName]
    where ownFiles.contains(name) || name.hasPrefix(TensorBoardFile.namePrefix) {
      try AtomicFile.write(FileContents.read(source + "/" + name), to: target + "/" + name)
    }
  }

  /// Removes a run's own files, the manifest first and the settings last.
  private static func clear(_ path: String, _ entries: [String]) throws(FileError) {
    let boards = entries.filter { $0.hasPrefix(TensorBoardFile.namePrefix) }
    let own = ownFiles.filter { $0 != settingsName } + boards + [settingsName]
    CheckpointStore.remove(from: path)
    for name in own where entries.contains(name) { try Directory.remove(path + "/" + name) }
  }

  /// What is otherwise here than where the run was begun, and may change its last bits.
  private static func changes(since path: String) throws(FileError) -> [String] {
    let before = try JSONValue(contentsOf: path)
    return ["instructionSet", "blasCore", "workers"].compactMap { key in
      let (old, new) = (before[key]?.text() ?? "unknown", EnvironmentReport.json[key]?.text() ?? "")
      return old == new
        ? nil
        : "\(key) was \(old) when the run was begun and is \(new) now: the last bits of its results may "
          + "differ"
    }
  }
}
