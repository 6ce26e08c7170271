import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// How a run treats existing content of its directory.
public enum RunStart: Hashable, Sendable {
  /// The directory must be new or empty.
  case new
  /// An existing run is replaced.
  case overwriting
  /// An unfinished run is resumed; if there is none, a new run begins.
  case resuming
}

extension TrainingJob {
  /// The manifest of a finished run of this job in `output`; nil if there is none.
  ///
  /// Throws `malformed` if the run there has other options.
  public func finishedRun(in output: String) throws(FileError) -> RunManifest? {
    guard let manifest = try finishedRun(in: output, recipe: nil) else { return nil }
    // The process may have been killed after the run had ended, leaving its states.
    try CheckpointStore<TrainingState>.tidy(output, as: .run, besides: [.adaptation])
    return manifest
  }

  /// The manifest of a finished run in `output`, without changing anything there; nil if there is
  /// none.
  ///
  /// - Parameter recipe: the job's recipe, if it is known.
  package func finishedRun(
    in output: String, recipe: JSONObject?
  ) throws(FileError) -> RunManifest? {
    guard FileManager.default.fileExists(atPath: output + "/" + RunManifest.fileName) else {
      return nil
    }
    let manifest = try RunManifest.read(output)
    guard manifest.outcome.ending != .interrupted else { return nil }
    var wanted = if let recipe { recipe } else { try self.recipe() }
    // It follows from the data, whose digests are compared.
    if recipe == nil, maximumLength == nil {
      wanted["maximumLength"] = manifest.recipe?["maximumLength"]
    }
    try Recipe.check(
      manifest.recipe ?? [:], is: wanted, path: output + "/" + RunManifest.fileName)
    return manifest
  }
}

extension PreparedJob {
  /// Trains, evaluates and writes the run directory `output`.
  ///
  /// A resumed run produces the same bits as an uninterrupted one. Do not call this for a finished
  /// run; read its manifest instead.
  ///
  /// - Parameters:
  ///   - checkpoints: how often, in steps, the state is saved, in addition to after every
  ///     evaluation or pass.
  ///   - collective: the processes that share the run. The first alone writes the directory; the
  ///     others read its checkpoints.
  ///   - shouldStop: whether this process was asked to stop, which ends the run in all of them.
  ///   - note: receives messages for the user.
  public func run(
    to output: String, start: RunStart, checkpoints: Int? = nil,
    collective: any Collective = Alone(), shouldStop: () -> Bool,
    note: (String) -> Void = { _ in }, searching: (RateSearchEvent) -> Void = { _ in },
    observe: (TrainingEvent) -> Void
  ) throws -> RunManifest {
    let recipe = try recipe
    let directory = collective.rank == 0 ? try RunDirectory.output(output, start: start) : nil
    return try run(
      in: directory, path: output, recipe: recipe, resuming: start == .resuming,
      checkpoints: checkpoints, collective: collective, shouldStop: shouldStop, note: note,
      searching: searching, observe: observe)
  }

  /// Trains, evaluates and writes the run in a directory that already belongs to the command.
  ///
  /// - Parameter pause: the step after which the run is interrupted as by `shouldStop`; nil for
  ///   none.
  package func run(
    in output: OutputDirectory, recipe: JSONObject, resuming: Bool, checkpoints: Int? = nil,
    pausingAfter pause: Int? = nil, shouldStop: () -> Bool, note: (String) -> Void = { _ in },
    searching: (RateSearchEvent) -> Void = { _ in }, observe: (TrainingEvent) throws -> Void
  ) throws -> RunManifest {
    try run(
      in: output, path: output.path, recipe: recipe, resuming: resuming, checkpoints: checkpoints,
      collective: Alone(), pausingAfter: pause, shouldStop: shouldStop, note: note,
      searching: searching, observe: observe)
  }

  /// Trains, evaluates and writes the run.
  ///
  /// - Parameters:
  ///   - output: the directory at `path`; nil if another process writes it.
  private func run(
    in output: OutputDirectory?, path: String, recipe: JSONObject, resuming: Bool,
    checkpoints: Int?, collective: any Collective, pausingAfter pause: Int? = nil,
    shouldStop isAsked: () -> Bool, note: (String) -> Void, searching: (RateSearchEvent) -> Void,
    observe: (TrainingEvent) throws -> Void
  ) throws -> RunManifest {
    /// Whether any process was asked to stop.
    func shouldStop() -> Bool {
      collective.count == 1 ? isAsked() : (try? collective.any(isAsked())) ?? true
    }
    let modelFiles = try files.digests()
    var (directory, state) = try open(
      output, path: path, resuming: resuming, recipe: recipe, over: collective, note: note)
    var (effort, isChosen) = (TrainingEffort?.none, true)
    do {
      if state == nil {
        effort = try choose(shouldStop: shouldStop, note: note)
        if let effort { note(effort.choosingLine(job.method)) }
      }
    } catch is StoppedSearch {
      isChosen = false
    }
    if job.findsRate, isChosen, job.method.searchRounds > 0 {
      try keepChoice(in: &directory, state: &state, effort: &effort, path: path)
    }
    try shareValues(
      of: model.parameters.map(\.parameter).filter { !$0.wantsGradient },
      precision: job.settings.precision, over: collective)
    var settings = job.settings
    var rates: RateSearch?
    var outcome = TrainingOutcome.notBegun(of: plannedSteps(data: train, settings: settings))
    if job.findsRate, isChosen {
      rates =
        try state == nil
        ? begin(
          &directory, state: &state, after: effort, over: collective, shouldStop: shouldStop,
          searching: searching)
        : existingRates(path)
      if let rates { settings.learningRate = rates.rate }
    }
    if isChosen, rates != nil || !job.findsRate {
      outcome = try PEFTTrain.train(
        model, on: train, evaluatingOn: dev, task: task, settings: settings,
        session: session, collective: collective, after: effort, from: state.take(),
        checkpoints: checkpoints, pausingAfter: pause, savesStart: job.method.searchRounds > 0,
        savesEnd: test != nil, save: { try directory?.save($0) }, shouldStop: shouldStop
      ) { event in
        try directory?.record(event)
        try observe(event)
      }
    }
    var metrics: [(split: String, values: [(name: String, value: Double)])] = []
    if dev != nil, !outcome.bestMetrics.isEmpty { metrics.append(("dev", outcome.bestMetrics)) }
    var answers: [Double] = []
    let calibrated =
      outcome.ending != .interrupted
      ? try calibratedTask(shouldStop: collective.count == 1 ? shouldStop : { false }) : task
    if let message = calibrated?.calibrationNote {
      note(message)
    } else if job.settings.calibrates, dev != nil, calibrated != nil {
      note("probabilities are not calibrated: the dev data determine no temperature")
    }
    if let test, let calibrated, outcome.ending != .interrupted {
      if let tested = try testMetrics(
        test, as: calibrated, output: output, over: collective, shouldStop: shouldStop)
      {
        try directory?.add(tested.values, split: "test", step: outcome.bestStep)
        metrics.append(("test", tested.values))
        answers = tested.answers
      } else {
        outcome.ending = .interrupted
      }
    } else if calibrated == nil {
      outcome.ending = .interrupted
    }
    var manifest = RunManifest(
      modelDirectory: absolutePath(job.modelDirectory), modelFiles: modelFiles,
      method: job.method, task: calibrated ?? task, pooling: pooling, maximumLength: maximumLength,
      seed: job.settings.seed, counts: (model.recordedCount, model.parameterCount),
      outcome: outcome, metrics: metrics)
    manifest.hasPairs = inputs.hasPairs
    manifest.rates = rates
    manifest.recipe = recipe
    if outcome.ending != .interrupted { manifest.checks = checks(of: metrics, answers: answers) }
    try directory?.finish(manifest, model: model, drawn: drawn)
    try collective.barrier()
    return manifest
  }

  /// Saves what a search has chosen before the learning rate is found, or restores it if the run
  /// ended between the two.
  private func keepChoice(
    in directory: inout RunDirectory?, state: inout TrainingState?, effort: inout TrainingEffort?,
    path: String
  ) throws {
    if let chosen = state {
      guard chosen.step == 0, try RateSearch.read(path) == nil else { return }
      chosen.restoreChoice(in: model, on: train, settings: job.settings, session: session)
      (state, effort) = (nil, chosen.effort)
    } else if let effort {
      try directory?.save(
        TrainingState(
          choiceIn: model, on: train, settings: job.settings, session: session, after: effort))
    }
  }

  /// The rate of a run that has begun.
  private func existingRates(_ path: String) throws(FileError) -> RateSearch {
    if let rates = try RateSearch.read(path) { return rates }
    throw FileError(
      .notFound, path: path + "/" + RateSearch.fileName,
      reason: "the run found its own learning rate, and the file with it is missing",
      remedy: "restore it, or begin again with `overwrite`")
  }

  /// Finds the learning rate and begins the run with it; nil if this was stopped.
  private func begin(
    _ directory: inout RunDirectory?, state: inout TrainingState?, after effort: TrainingEffort?,
    over collective: any Collective, shouldStop: () -> Bool,
    searching: (RateSearchEvent) -> Void
  ) throws -> RateSearch? {
    let found = try findRate(
      after: effort, over: collective, shouldStop: shouldStop, observe: searching)
    guard let beginning = found else { return nil }
    try directory?.begin(with: beginning)
    state = beginning.state
    return beginning.search
  }

  /// Finds the learning rate of this job; nil if this was stopped. The model does not change.
  ///
  /// - Parameters:
  ///   - effort: the time spent before on choosing what trains; see `choose()`.
  ///   - collective: the processes that share the run.
  public func findRate(
    after effort: TrainingEffort? = nil, over collective: any Collective = Alone(),
    shouldStop: () -> Bool, observe: (RateSearchEvent) -> Void
  ) throws -> RunBeginning? {
    try PEFTTrain.findRate(
      for: model, on: train, evaluatingOn: dev, task: task, settings: job.settings,
      session: { session }, collective: collective, after: effort, shouldStop: shouldStop,
      observe: observe)
  }

  /// The method's part in the run.
  public var session: (any AdaptationSession)? {
    let steps = plannedSteps(data: train, settings: job.settings)
    if let tuning = job.method as? SelectedTuning, let reselector = job.reselector {
      return tuning.session(on: model, steps: steps) { step in
        try model.readAgain()
        return try reselector.selection(in: self, after: step)
      }
    }
    return job.method.session(
      on: model, steps: steps,
      using: SeededGenerator(seed: job.settings.seed, purpose: "weights"),
      measuring: { step in try measuredGradients(after: step) })
  }

  /// The metrics of the test data, including those of generated texts, and the answers; nil if the
  /// evaluation was stopped.
  private func testMetrics(
    _ test: EncodedDataset, as task: any PredictionTask, output: OutputDirectory?,
    over collective: any Collective, shouldStop: () -> Bool
  ) throws -> (values: [(name: String, value: Double)], answers: [Double])? {
    let found = try model.evaluate(test, task: task, over: collective, shouldStop: shouldStop)
    guard let evaluation = found, !shouldStop() else { return nil }
    var values = evaluation.metrics
    if let settings = job.generation, let testRows = inputs.testRows, task is Completion {
      let writer = try TextWriter(
        TrainedModel(
          model: model, tokenizer: tokenizer, task: task, maximumLength: maximumLength),
        name: job.modelDirectory)
      guard
        let written = try WrittenTexts(
          writer, rows: testRows, settings: settings, shouldStop: shouldStop)
      else { return nil }
      values += written.metrics.values
      if let output { try written.write(to: output.file(RunDirectory.writtenName)) }
    }
    return (values, evaluation.answers)
  }

  /// Opens the run directory, if this process writes it, and reads the state to resume from, if
  /// there is one.
  private func open(
    _ output: OutputDirectory?, path: String, resuming: Bool, recipe: JSONObject,
    over collective: any Collective, note: (String) -> Void
  ) throws -> (RunDirectory?, TrainingState?) {
    let found = try output.map {
      try open($0, resuming: resuming, recipe: recipe, note: note)
    }
    guard collective.count > 1 else { return (found?.0, found?.1) }
    // The others read the state that the first has found intact.
    let step = try collective.gather([Double(found?.1?.step ?? -1)])[0][0]
    var state = found?.1
    if output == nil, step >= 0 {
      var store = try CheckpointStore<TrainingState>.open(path, recipe: recipe)
      state = try store?.load(for: (model, plannedSteps(data: train, settings: job.settings))).state
    }
    let steps = try collective.gather([Double(state?.step ?? -1)]).map { $0[0] }
    if let rank = steps.firstIndex(where: { $0 != step }) {
      throw FileError(
        .malformed, path: path, place: TrainingState.manifestName,
        reason: "rank \(rank) does not see the checkpoint from which rank 0 resumes",
        remedy: "put the run on a file system that all machines share")
    }
    return (found?.0, state)
  }

  private func open(
    _ output: OutputDirectory, resuming: Bool, recipe: JSONObject, note: (String) -> Void
  ) throws(FileError) -> (RunDirectory, TrainingState?) {
    if resuming {
      if let (directory, state, notes) = try RunDirectory.resume(
        in: output, recipe: recipe, model: model,
        plannedSteps: plannedSteps(data: train, settings: job.settings))
      {
        notes.forEach(note)
        note("resuming after step \(state.step)")
        return (directory, state)
      }
      note("there is no checkpoint in \(output.path) yet; starting a new run")
      try RunDirectory.checkUnfinished(output, settings: job.json)
    }
    return (try RunDirectory(beginningIn: output, settings: job.json, recipe: recipe), nil)
  }
}
