import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// Stores the numbers of each run in a small file:
///
///     probes/PROBLEM/PROBE/seed-S.json           results of probes
///     cells/PROBLEM/ROW/seed-S-rate-R.json       one training run each; R may be `auto`
///     cells/PROBLEM/ROW/seed-S-plan.json         plan of a selection
///
/// Several processes may work in one directory. If two of them need the same run or probe, one
/// makes it while the other waits.
struct CellStore: StudyStore {
  /// The directory.
  let output: OutputDirectory

  /// A probe on a problem with a seed.
  typealias Probe = (name: String, problem: StudyProblem, seed: UInt64)

  /// Whether the results of a probe are there.
  func hasProbe(_ probe: Probe) -> Bool {
    FileManager.default.fileExists(
      atPath: output.path + "/" + Self.directory(of: probe.name, on: probe.problem) + "/"
        + Self.probeName(probe.seed))
  }

  private static func directory(of probe: String, on problem: StudyProblem) -> String {
    "probes/\(problem.name)/\(probe)"
  }

  private static func probeName(_ seed: UInt64) -> String { "seed-\(seed).json" }

  /// The requested run; nil if it does not exist.
  ///
  /// Throws `malformed` if its file is damaged or has another recipe.
  func found(_ request: StudyRequest) throws -> StudyRun? {
    let directory = output.path + "/" + Self.directory(of: request.row)
    let path = directory + "/" + Self.name(of: request)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let plan = directory + "/" + Self.planName(request.seed)
    if try DirectoryHandle.entry(plan) != nil { _ = try Plan.read(plan) }
    return try CellFile.read(path, recipe: request.recipe)
  }

  func run(
    _ request: StudyRequest, training choice: () throws -> StudyChoice?, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> StudyRun? {
    // Another process with the same rows may make this run while this process waits.
    guard
      let place = try output.subdirectory(
        Self.directory(of: request.row), as: .suite, waitingUnless: shouldStop)
    else { return nil }
    let path = place.path + "/" + Self.name(of: request)
    if FileManager.default.fileExists(atPath: path) {
      return try CellFile.read(path, recipe: request.recipe)
    }
    if shouldStop() { return nil }
    guard let choice = try choice() else { return nil }
    observe(.run(request.row, seed: request.seed, learningRate: request.learningRate))
    if let plan = choice.plan { try plan.write(to: place.file(Self.planName(request.seed))) }
    // Exclude memory that earlier runs and probes used.
    TensorMemory.releaseUnused()
    _ = Processor.resetPeakResidentBytes()
    let prepared = try request.job(training: choice).prepare(from: request.problem.inputs)
    try prepared.forecast(timing: false).memory.check()
    let run: StudyRun?
    var rate = request.learningRate
    do {
      run = try prepared.trained(
        scratch: place, shouldStop: shouldStop, searching: { observe(.searching($0)) },
        found: { rate = $0 }, observe: { observe(.training($0)) })
    } catch let error as NonFiniteLoss {
      observe(.diverged(request.row, seed: request.seed, learningRate: rate, error))
      var broken = prepared.run(storedBytes: 0)
      if let rate { broken.learningRate = rate }
      run = broken
    }
    guard var run else { return nil }
    run.probeSeconds += choice.seconds
    try CellFile.write(run, recipe: request.recipe, to: place.file(Self.name(of: request)))
    return run
  }

  func influence(
    _ name: String, _ settings: InfluenceSettings, on problem: StudyProblem,
    shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Influence? {
    guard
      let place = try output.subdirectory(
        Self.directory(of: name, on: problem), as: .suite, waitingUnless: shouldStop)
    else { return nil }
    let seed = settings.probe.seed
    let path = try place.file(Self.probeName(seed))
    var job = problem.job
    job.settings.seed = seed
    if FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      try job.check(found, isOf: settings, on: problem.inputs, path: path)
      return found
    }
    observe(.probe(problem: problem.name, name: name, seed: seed))
    guard
      let found = try job.prepare(from: problem.inputs).measureInfluence(
        settings, shouldStop: shouldStop, observe: { observe(.measuring($0)) }),
      found.isComplete
    else { return nil }
    try found.write(to: path)
    return found
  }

  func choose(_ request: StudyRequest) {}

  private static func directory(of row: StudyRow) -> String { "cells/\(row.problem)/\(row.label)" }

  /// Swift prints the shortest decimal that reads back as the same Double, so each rate has exactly
  /// one name.
  private static func name(of request: StudyRequest) -> String {
    "seed-\(request.seed)-rate-\(request.learningRate.map { "\($0)" } ?? "auto").json"
  }

  private static func planName(_ seed: UInt64) -> String { "seed-\(seed)-\(Plan.fileName)" }
}

extension PreparedJob {
  /// Trains and evaluates without a run directory; nil if it was stopped.
  ///
  /// - Parameters:
  ///   - scratch: a directory in which a file is temporarily written to determine its size.
  ///   - rate: receives the learning rate that the run has found.
  fileprivate func trained(
    scratch: OutputDirectory, shouldStop: () -> Bool, searching: (RateSearchEvent) -> Void,
    found rate: (Double) -> Void, observe: (TrainingEvent) -> Void
  ) throws -> StudyRun? {
    var settings = job.settings
    let effort: TrainingEffort?
    do { effort = try choose(shouldStop: shouldStop) } catch is StoppedSearch { return nil }
    var beginning: RunBeginning?
    if job.findsRate {
      let found = try findRate(after: effort, shouldStop: shouldStop, observe: searching)
      guard let found else { return nil }
      settings.learningRate = found.search.rate
      rate(found.search.rate)
      beginning = found
    }
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: dev, task: task, settings: settings,
      session: session, after: effort, from: beginning?.state, shouldStop: shouldStop,
      observe: observe)
    guard outcome.ending != .interrupted, let test,
      let calibrated = try calibratedTask(shouldStop: shouldStop),
      let measured = model.evaluate(test, task: calibrated, shouldStop: shouldStop)
    else { return nil }
    let path = try scratch.file(TrainedTensors.fileName)
    try TrainedTensors.save(model, drawn: drawn, to: path)
    var run = run(storedBytes: try FileContents.byteCount(path))
    try scratch.remove([TrainedTensors.fileName])
    run.learningRate = settings.learningRate
    // A method that chooses what trains may have planned another number.
    run.trainable = model.recordedCount
    run.probeSeconds = beginning?.search.seconds ?? 0
    run.steps = outcome.steps
    run.seconds = outcome.seconds
    run.metrics = [("dev", outcome.bestMetrics), ("test", measured.metrics)]
    return run
  }

  /// A run without a result.
  fileprivate func run(storedBytes: Int) -> StudyRun {
    StudyRun(
      seed: job.settings.seed, learningRate: job.settings.learningRate,
      trainable: counts.trainable, steps: 0, seconds: 0, probeSeconds: 0, metrics: [],
      footprint: StudyRun.Footprint(
        head: model.taskParameters.reduce(0) { $0 + $1.count }, parameters: counts.parameters,
        storedBytes: storedBytes, peakMemory: Processor.peakResidentBytes))
  }
}
