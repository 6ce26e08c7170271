import Foundation
import PEFTModels
import PEFTTensor

/// The directory that a training run writes:
///
///     settings.json        the resolved settings, written first
///     environment.json     machine, libraries, instruction set, workers
///     steps.csv            step, loss, learning_rate, gradient_norm, tokens, seconds
///     metrics.csv          step, split, metric, value
///     trained.safetensors  the tensors that trained
///     written.jsonl        what was written after the test prompts, where that was asked for
///     report.html          a page that shows the run
///     run.json             the manifest with the SHA-256 of the others, written last
///
/// A directory with a `run.json` is a run that ended; one without it is not.
public struct RunDirectory {
  /// The name of the file with what was written after the test prompts.
  static let writtenName = "written.jsonl"

  /// The path.
  public let path: String
  private var steps = "step,loss,learning_rate,gradient_norm,tokens,seconds\n"
  private var metrics = "step,split,metric,value\n"
  private var losses: [(step: Int, loss: Double)] = []

  private static let ownFiles = [
    "run.json", "settings.json", "environment.json", "steps.csv", "metrics.csv",
    TrainedTensors.fileName, RunReport.fileName, writtenName,
  ]

  /// Creates the directory and writes what is known before the first step.
  ///
  /// A directory that is not empty is refused, unless `overwriting`, and then only a run's own
  /// files are replaced: the manifest goes first, so that a half-replaced run is never taken for a
  /// whole one.
  public init(
    creating path: String, overwriting: Bool, settings: JSONValue
  ) throws(FileError) {
    self.path = path
    let manager = FileManager.default
    do {
      let entries = try? manager.contentsOfDirectory(atPath: path)
      if let entries, !entries.isEmpty {
        guard overwriting else {
          throw FileError(
            .storage, path: path, reason: "the directory is not empty",
            remedy: "name another one, or add --overwrite")
        }
        for name in Self.ownFiles where entries.contains(name) {
          try manager.removeItem(atPath: path + "/" + name)
        }
      }
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch let error as FileError {
      throw error
    } catch {
      throw FileError(
        .storage, path: path, reason: "the directory cannot be made: \(error.localizedDescription)",
        remedy: "check the path, the permissions and the space on the disk")
    }
    try JSONFile.write(settings, to: path + "/settings.json")
    try JSONFile.write(EnvironmentReport.json, to: path + "/environment.json")
  }

  /// Notes an event; evaluations bring the two tables on disk up to date.
  public mutating func record(_ event: TrainingEvent) throws(FileError) {
    switch event {
    case .step(let report):
      let numbers = report.numbers
      losses.append((numbers.step, numbers.loss))
      steps +=
        "\(numbers.step),\(numbers.loss),\(numbers.learningRate),\(numbers.gradientNorm),"
        + "\(report.tokens),\(report.seconds)\n"
    case .evaluation(let step, let values, _):
      add(values, split: "dev", step: step)
      try flush()
    }
  }

  /// Notes metrics of a split other than the one evaluated during training.
  public mutating func add(_ values: [(name: String, value: Double)], split: String, step: Int) {
    for (name, value) in values { metrics += "\(step),\(split),\(name),\(value)\n" }
  }

  /// Writes tensors and tables, and the manifest last.
  public func finish(_ manifest: RunManifest, model: TransformerModel) throws(FileError) {
    try flush()
    try TrainedTensors.save(model, to: path + "/" + TrainedTensors.fileName)
    var manifest = manifest
    for name in [TrainedTensors.fileName, "settings.json", "environment.json"] {
      manifest.files[name] = try Fingerprint.file(path + "/" + name)
    }
    let page = RunReport.html(manifest, losses: losses)
    try AtomicFile.write(Array(page.utf8), to: path + "/" + RunReport.fileName)
    try JSONFile.write(manifest.json, to: path + "/run.json")
  }

  private func flush() throws(FileError) {
    try AtomicFile.write(Array(steps.utf8), to: path + "/steps.csv")
    try AtomicFile.write(Array(metrics.utf8), to: path + "/metrics.csv")
  }
}
