import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// Stores each run as a run directory, `methods/ROW/seed-SEED`. If there are several learning rates
/// to choose from, each has a directory `rate-RATE` inside its seed's directory, and the run with
/// the chosen rate is copied.
final class RunStore: StudyStore {
  private let output: OutputDirectory
  private let main: (label: String, seed: UInt64)?
  private let isResuming: Bool
  private var failure: NonFiniteLoss?

  /// A store in a command's directory.
  ///
  /// - Parameters:
  ///   - main: the row and the seed whose run is the directory itself.
  ///   - isResuming: whether existing runs are kept; otherwise they are replaced.
  init(in output: OutputDirectory, main: (label: String, seed: UInt64)?, isResuming: Bool) {
    self.output = output
    self.main = main
    self.isResuming = isResuming
  }

  /// Throws `NonFiniteLoss` if training diverged with a rate that is not a trial.
  func run(
    _ request: StudyRequest, training choice: () throws -> StudyChoice?, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> StudyRun? {
    guard let choice = try choice() else { return nil }
    let place = try directory(of: request)
    observe(.run(request.row, seed: request.seed, learningRate: request.learningRate))
    do {
      let inputs = request.problem.inputs
      let job = request.job(training: choice)
      // Of a run that is resumed, or only read, the peak would not be that of the whole.
      let isWhole = try !isResuming || place.listed() == nil
      // Exclude memory that earlier runs and probes used.
      TensorMemory.releaseUnused()
      let isMeasured = Processor.resetPeakResidentBytes() && isWhole
      let manifest = try job.run(
        on: inputs, recipe: job.recipe(of: inputs), in: place, isResuming: isResuming,
        shouldStop: shouldStop, searching: { observe(.searching($0)) },
        observe: { observe(.training($1)) })
      guard manifest.outcome.ending != .interrupted else { return nil }
      // The size that is reported is that of the file as it was written.
      if isResuming {
        try manifest.checkFiles(in: place.path) { $0 == TrainedTensors.fileName }
      }
      return StudyRun(
        seed: request.seed,
        learningRate: manifest.rates?.rate ?? request.learningRate ?? .nan,
        trainable: manifest.counts.trainable, steps: manifest.outcome.steps,
        seconds: manifest.outcome.seconds,
        probeSeconds: choice.seconds + (manifest.rates?.seconds ?? 0),
        metrics: manifest.metrics,
        footprint: StudyRun.Footprint(
          head: 0, parameters: manifest.counts.parameters,
          storedBytes: try FileContents.byteCount(place.path + "/" + TrainedTensors.fileName),
          peakMemory: isMeasured ? Processor.peakResidentBytes : 0))
    } catch let error as NonFiniteLoss where request.isTrial {
      observe(
        .diverged(request.row, seed: request.seed, learningRate: request.learningRate, error))
      failure = error
      return StudyRun(
        seed: request.seed, learningRate: request.learningRate ?? .nan, trainable: 0, steps: 0,
        seconds: 0,
        probeSeconds: choice.seconds, metrics: [])
    }
  }

  /// Always measures, because comparisons probe before they begin.
  func influence(
    _ name: String, _ settings: InfluenceSettings, on problem: StudyProblem,
    shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Influence? {
    try problem.job.prepare(from: problem.inputs).measureInfluence(
      settings, shouldStop: shouldStop, observe: { observe(.measuring($0)) })
  }

  /// Copies the run with the chosen rate. Throws if no rate has given a result.
  func choose(_ request: StudyRequest) throws {
    let place = try directory(of: request)
    if let failure, try !place.has(RunManifest.fileName) { throw failure }
    try RunDirectory.copy(place.path, to: mainDirectory(of: request))
  }

  private func mainDirectory(of request: StudyRequest) throws -> OutputDirectory {
    if let main, main == (request.row.label, request.seed) { return output }
    return try output.subdirectory(Self.place(of: request.row.label, request.seed), as: .run)
  }

  /// The directory of a row's run with a seed, inside that of the command.
  static func place(of label: String, _ seed: UInt64) -> String {
    "methods/\(label.replacing(" ", with: "-"))/seed-\(seed)"
  }

  private static let ratePrefix = "rate-"

  private static func name(ofRate rate: Double?) -> String { ratePrefix + "\(rate ?? .nan)" }

  /// The learning rates, in ascending order, from which that of the run in `directory` was chosen,
  /// each with the loss on the dev data; nil for a run that diverged.
  static func triedRates(
    in directory: String
  ) throws(FileError) -> [(rate: Double, loss: Double?)] {
    var tried: [(rate: Double, loss: Double?)] = []
    for name in try DirectoryHandle(directory).names() where name.hasPrefix(ratePrefix) {
      guard let rate = Double(name.dropFirst(ratePrefix.count)) else { continue }
      let path = directory + "/" + name
      let isThere = try DirectoryHandle.entry(path + "/" + RunManifest.fileName) == .file
      let metrics = isThere ? try RunManifest.read(path).metrics : []
      let loss = metrics.first { $0.split == "dev" }?.values.first { $0.name == "loss" }?.value
      tried.append((rate, loss))
    }
    return tried.sorted { $0.rate < $1.rate }
  }

  /// Copies a finished run of `label` to the directory itself, together with the runs of the
  /// learning rates that it was chosen from. What is there already is not copied again, so that a
  /// job that was killed while it copied can be resumed.
  static func adopt(
    _ label: String, _ seed: UInt64, rates: [Double], in output: OutputDirectory
  ) throws(FileError) {
    let source = output.path + "/" + place(of: label, seed)
    if rates.count > 1 {
      for name in rates.map({ name(ofRate: $0) })
      where try DirectoryHandle.entry(source + "/" + name + "/" + RunManifest.fileName) == .file {
        try copy(source + "/" + name, to: output.subdirectory(name, as: .run))
      }
    }
    try copy(source, to: output)
  }

  /// Copies a run that has ended, unless it is there already.
  ///
  /// Throws `malformed` if its files are not those of its manifest.
  static func copy(_ source: String, to target: OutputDirectory) throws(FileError) {
    if try target.has(RunManifest.fileName) {
      let digests = [source, target.path].map { $0 + "/" + RunManifest.fileName }
      if try Fingerprint.file(digests[0]) == Fingerprint.file(digests[1]) { return }
    }
    try RunManifest.read(source).checkFiles(in: source)
    try RunDirectory.copy(source, to: target)
  }

  private func directory(of request: StudyRequest) throws -> OutputDirectory {
    let main = try mainDirectory(of: request)
    return request.isTrial
      ? try main.subdirectory(Self.name(ofRate: request.learningRate), as: .run) : main
  }
}
