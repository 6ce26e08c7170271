import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor

/// Searches for the settings of a training run, in a directory.
///
/// Trials train with the same seed and are judged on the dev data; the test data are measured once,
/// for the best. A search that was killed and resumed has the results of one that was not. One with
/// more trials than before continues, unless it halves.
public struct SearchJob {
  /// The name of the directory with the run of the best trial.
  public static let bestName = "best"

  /// The search.
  public let search: HyperparameterSearch
  /// The directory.
  public let output: OutputDirectory
  /// The metric by which trials are judged.
  public let metric: PrimaryMetric
  /// Messages for the user about the data.
  public let notes: [String]
  private let runs: SearchRuns
  private let testPath: String?

  /// Reads the data of the first trial, those to test on included, so that errors in them are found
  /// before anything runs.
  ///
  /// - Parameters:
  ///   - checkpoints: how often, in steps, a run's state is saved, in addition to after every
  ///     evaluation.
  ///   - job: the job with a value for every dimension of the space.
  /// - Throws: `InvalidSetting` for jobs without dev data, the errors of `job`, and those of
  ///   reading the data.
  public init(
    _ search: HyperparameterSearch, in output: OutputDirectory, checkpoints: Int? = nil,
    job: @escaping ([String]) throws -> TrainingJob
  ) throws {
    self.search = search
    self.output = output
    runs = SearchRuns(in: output, of: search.space, checkpoints: checkpoints, job: job)
    let first = try job(search.next(after: [], ranked: []) ?? [])
    if case .halving = search.strategy,
      try search.space.corners.contains(where: { try job($0.values).findsRate })
    {
      throw InvalidSetting(
        setting: "learning-rate", value: "auto",
        "halving compares trials before their own search for it ends; name a rate, or vary it")
    }
    let inputs = try runs.inputs(of: first)
    guard inputs.dev != nil else {
      throw InvalidSetting(
        setting: "dev", "trials are judged on dev data; name some, or hold rows out with `holdout`")
    }
    let model = inputs.unreadModel
    for values in try [first] + search.space.corners.map({ try job($0.values) })
    where values.modelDirectory == first.modelDirectory {
      try TrainingJob.checkFit(of: values.method, in: model)
    }
    (metric, notes, testPath) = (inputs.task.primaryMetric, inputs.notes, first.testPath)
  }

  /// The number of runs, one for each trial and rung, if there are enough points.
  public var runCount: Int {
    let counts = search.schedule.rungs.map(\.trials)
    let first = min(counts[0], search.space.count ?? counts[0])
    return counts.dropFirst().reduce(first, +)
  }

  /// Runs what is missing.
  ///
  /// - Returns: nil if it was stopped. Finished trials, and the states of the others, are kept.
  /// - Throws: `NonFiniteLoss` if all trials diverged.
  public func run(
    shouldStop: () -> Bool, observe: (SearchEvent) -> Void
  ) throws -> SearchResults? {
    try checkRecords()
    try EnvironmentReport.write(to: output)
    let schedule = search.schedule
    var trials: [SearchTrial] = []
    var done = 0
    func judged(_ trial: SearchTrial, at rung: Int) throws -> SearchTrial? {
      observe(.progress(done: done, of: runCount))
      done += 1
      return try runs.judged(
        trial, at: rung, of: schedule, shouldStop: shouldStop, observe: observe)
    }
    while let values = search.next(
      after: trials.map(\.values), ranked: trials.ranked(by: metric).map(\.values))
    {
      let next = SearchTrial(number: trials.count + 1, values: values)
      guard let trial = try judged(next, at: 0) else { return nil }
      trials.append(trial)
      if schedule.rungs.count == 1 {
        try runs.remove(trials.ranked(by: metric).dropFirst().map(\.number))
      }
    }
    if trials.count < search.trialCount {
      observe(.note("there are only \(trials.count) different trials"))
    }
    var numbers = Set(trials.map(\.number))
    for (rung, count) in schedule.rungs.map(\.trials).enumerated().dropFirst() {
      let kept = trials.filter { numbers.contains($0.number) }
        .best(count, at: rung - 1, by: metric)
      try runs.remove(numbers.subtracting(kept))
      numbers = kept
      for number in kept.sorted() {
        guard let trial = try judged(trials[number - 1], at: rung) else { return nil }
        trials[number - 1] = trial
      }
    }
    observe(.progress(done: runCount, of: runCount))
    // A trial that halving has left is not the best, even if its last score is.
    let ranked =
      trials.filter { numbers.contains($0.number) }.ranked(by: metric)
      + trials.filter { !numbers.contains($0.number) }.ranked(by: metric)
    try runs.remove(ranked.dropFirst().map(\.number))
    // The runs of those that halving has left are gone.
    guard let best = ranked.first, best.score != nil, numbers.contains(best.number) else {
      throw runs.divergence
        ?? FileError(
          .malformed, path: output.path,
          reason: numbers.count == trials.count
            ? "all trials diverged" : "all trials that were left diverged",
          remedy: "vary lower learning rates, and start again with `overwrite`") as any Error
    }
    guard let test = try test(best, shouldStop: shouldStop) else { return nil }
    let results = SearchResults(search: search, metric: metric, ranked: ranked, test: test)
    try results.write(to: output)
    return results
  }

  /// Throws if the search had more trials before: the runs of all but the best are gone.
  private func checkRecords() throws(FileError) {
    let path = output.path + "/trials/\(search.trialCount + 1).json"
    guard try DirectoryHandle.entry(path) != nil else { return }
    throw FileError(
      .storage, path: path,
      reason: "the search in this directory has more than \(search.trialCount) trials",
      remedy: "resume with at least as many `trials`, or start again with `overwrite`")
  }

  /// Copies the run of the best trial, and evaluates it on the test data.
  ///
  /// - Returns: its metrics, none without test data; nil if it was stopped.
  private func test(
    _ best: SearchTrial, shouldStop: () -> Bool
  ) throws -> [(name: String, value: Double)]? {
    let place = try output.subdirectory(Self.bestName, as: .run)
    try RunStore.copy(output.path + "/" + SearchRuns.place(of: best.number), to: place)
    guard let testPath else { return [] }
    let trained = try TrainedModel.open(place.path)
    guard let task = trained.task else { return [] }
    let data = try trained.data(
      at: testPath, format: nil, columns: nil, kind: trained.kind(.auto), needsLabels: true)
    return try trained.model.evaluate(
      task.encode(data.rows, by: data.reader), task: task, shouldStop: shouldStop
    ).map(\.metrics)
  }
}
