import Foundation
import PEFTRuns
import PEFTTensor

/// A result of a command, as far as its directory tells.
public struct ListedResult: Sendable {
  /// Whether a result is whole.
  public enum State: String, Sendable {
    /// The command has done all of its work.
    case complete
    /// A process works in the directory.
    case running
    /// The command was interrupted, or its process was killed.
    case stopped
    /// A file of the result is damaged; see `problem`.
    case unreadable
  }

  /// The path inside the listed directory; `.` for that directory itself.
  public let name: String
  /// The command that wrote the result.
  public let kind: OutputDirectory.Kind
  /// Whether it is whole.
  public internal(set) var state: State
  /// When the result was last written.
  public let date: Date?
  /// What was trained: a method, or `selection`; for a comparison its best method.
  public internal(set) var method: String?
  /// The metric of the scores.
  public internal(set) var metric: String?
  /// Whether larger scores are better.
  public internal(set) var higherIsBetter = true
  /// The score on the dev data, the mean over the seeds.
  public internal(set) var dev: Double?
  /// The score on the test data, the mean over the seeds.
  public internal(set) var test: Double?
  /// The number of trained parameters.
  public internal(set) var trainable: Int?
  /// The number of parameters of the model.
  public internal(set) var parameters: Int?
  /// The size of the file with the trained tensors, in bytes.
  public internal(set) var storedBytes: Int?
  /// What is wrong with an unreadable result.
  public internal(set) var problem: String?
}

extension ListedResult {
  /// The result that a command of the kind `marker.kind` wrote to the directory at `path`.
  init(
    _ kind: OutputDirectory.Kind, at path: String, named name: String
  ) throws(FileError) {
    self.name = name
    self.kind = kind
    let manifest = Self.manifest(of: kind)
    let isThere = try DirectoryHandle.entry(path + "/" + manifest) == .file
    date = Self.date(of: path + "/" + (isThere ? manifest : OutputMarker.fileName))
    state = try DirectoryLock.isHeld(path) ? .running : isThere ? .complete : .stopped
    do throws(FileError) {
      try read(path)
    } catch {
      state = .unreadable
      problem = error.description
    }
  }

  /// The file whose presence says that the command of this kind is done.
  private static func manifest(of kind: OutputDirectory.Kind) -> String {
    switch kind {
    case .run: RunManifest.fileName
    case .adaptation, .comparison: Comparison.fileName
    case .probe: Influence.fileName
    case .plan: Plan.fileName
    case .suite: SuiteReport.summaryName
    case .search: SearchResults.fileName
    case .folds: FoldJob.fileName
    case .validation: Validation.fileName
    case .pretraining: PretrainingJob.recipeName
    case .export, .model, .data: "config.json"
    }
  }

  private static func date(of path: String) -> Date? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
  }

  /// Reads what the files in the directory at `path` say.
  private mutating func read(_ path: String) throws(FileError) {
    func has(_ name: String) throws(FileError) -> Bool {
      try DirectoryHandle.entry(path + "/" + name) == .file
    }
    if try has(TrainedTensors.fileName) {
      storedBytes = try FileContents.byteCount(path + "/" + TrainedTensors.fileName)
    }
    if try has(RunManifest.fileName) {
      let manifest = try RunManifest.read(path)
      method = manifest.method.name
      metric = manifest.task.primaryMetric.name
      higherIsBetter = manifest.task.primaryMetric.higherIsBetter
      (trainable, parameters) = manifest.counts
      func score(_ split: String) -> Double? {
        manifest.metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
      }
      (dev, test) = (score("dev"), score("test"))
      if manifest.outcome.ending == .interrupted, state == .complete { state = .stopped }
    }
    if try has(Comparison.fileName) {
      let comparison = try Comparison.read(path)
      if let entry = comparison.main { take(entry, of: comparison) }
      if !comparison.remaining.isEmpty, state == .complete { state = .stopped }
    }
  }

  private mutating func take(_ entry: Comparison.Entry, of comparison: Comparison) {
    method = entry.label
    (metric, higherIsBetter) = (comparison.metric, comparison.higherIsBetter)
    (trainable, parameters) = (entry.trainable, comparison.modelParameters)
    dev = entry.mean(comparison.metric, on: "dev")
    test = entry.mean(comparison.metric, on: "test")
    storedBytes = entry.storedBytes ?? storedBytes
  }
}

extension Comparison {
  /// The entry that the comparison is about: the selection, or without one the best by its score.
  var main: Entry? {
    if let selection = entries.first(where: \.isSelection) { return selection }
    let sign = higherIsBetter ? 1.0 : -1.0
    return entries.max {
      ($0.mean(metric, on: split).map { sign * $0 } ?? -.infinity)
        < ($1.mean(metric, on: split).map { sign * $0 } ?? -.infinity)
    }
  }
}

extension ListedResult {
  /// The document of a result; a number that is not known is null.
  public var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    func count(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return .object([
      "path": .string(name), "command": .string(kind.rawValue), "state": .string(state.rawValue),
      "method": text(method), "metric": text(metric), "dev": number(dev), "test": number(test),
      "trainable": count(trainable), "parameters": count(parameters),
      "storedBytes": count(storedBytes),
      "date": text(date?.formatted(.iso8601)), "problem": text(problem),
    ])
  }
}
