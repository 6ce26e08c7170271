import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// The training runs of a search for a goal: full fine-tuning and sets of a ladder with the first
/// seed, each a run directory, `methods/NAME/seed-SEED`.
struct GoalRuns {
  /// Thrown if the search is to stop; the state of the current run is saved.
  struct Stopped: Error {}

  /// A finished run.
  struct Trained {
    /// The name of its set, or `full`.
    let name: String
    /// Its numbers.
    let run: StudyRun
    /// The time of all its learning rates, and of the search for its own, in seconds.
    let seconds: Double
    /// The primary metric on the dev data and their resamples.
    let scores: (whole: Double, resampled: [Double])
  }

  private let prepared: PreparedJob
  private let output: OutputDirectory
  private let seed: UInt64
  private let job: StudyJob
  private let dev: (data: EncodedDataset, resamples: MetricResamples)
  private let shouldStop: () -> Bool
  private let observe: (StudyEvent) -> Void

  /// Runs in `output`, where finished ones are used and interrupted ones are resumed.
  ///
  /// Throws `InvalidSetting` without dev data.
  init(
    of methods: [Study.Method], base: TrainingJob, prepared: PreparedJob, seed: UInt64,
    learningRates: [Double], in output: OutputDirectory, shouldStop: @escaping () -> Bool,
    observe: @escaping (StudyEvent) -> Void
  ) throws {
    guard let data = prepared.dev, let targets = data.targets else {
      throw InvalidSetting(setting: "goal", "there are no dev data to judge it by; name `dev` data")
    }
    let problem = Study.Problem(name: "task", job: base)
    let study = Study(
      name: "goal", question: "", problems: [problem], seeds: [seed], learningRates: learningRates,
      methods: methods)
    job = try StudyJob(
      study, on: [StudyProblem(problem, inputs: prepared.inputs, model: prepared.model)],
      in: RunStore(in: output, main: nil, isResuming: true))
    dev = (data, MetricResamples(targets, task: prepared.task, seed: seed))
    (self.prepared, self.output, self.seed) = (prepared, output, seed)
    (self.shouldStop, self.observe) = (shouldStop, observe)
  }

  /// Trains the method called `name`, of which `done` came before and at most `rest` will follow.
  ///
  /// Throws `Stopped`, and `NonFiniteLoss` if training diverged.
  func train(_ name: String, done: Int, rest: Int) throws -> Trained {
    guard let row = job.rows.first(where: { $0.label == name }) else {
      preconditionFailure("GoalRuns: there is no method \(name)")
    }
    let count = job.runCount(of: row)
    let trials = try job.trials(
      of: row, after: done * count, of: (done + 1 + rest) * count, shouldStop: shouldStop,
      observe: observe)
    guard let trials, let run = trials.first(where: \.isChosen)?.run else { throw Stopped() }
    return Trained(
      name: name, run: run,
      seconds: trials.reduce(0) { $0 + $1.run.seconds + $1.run.probeSeconds },
      scores: dev.resamples.scores(of: try answers(of: name, to: dev.data).values))
  }

  /// The primary metric of a finished run on resamples of the test rows; nil without labelled test
  /// data.
  ///
  /// Throws `Stopped`.
  func testScores(of name: String) throws -> [Double]? {
    guard let test = prepared.test, let targets = test.targets else { return nil }
    // The run's own thresholds, by which its score on the test data was measured.
    let (answers, task) = try answers(of: name, to: test)
    return MetricResamples(targets, task: task, seed: seed).scores(of: answers).resampled
  }

  /// The answers of a run, and its task.
  private func answers(
    of name: String, to data: EncodedDataset
  ) throws -> (values: [Double], task: any PredictionTask) {
    TensorMemory.releaseUnused()
    let path = output.path + "/" + RunStore.place(of: name, seed)
    let trained = try TrainedModel.open(path)
    let evaluation = trained.model.evaluate(data, task: prepared.task, shouldStop: shouldStop)
    guard let evaluation else { throw Stopped() }
    return (evaluation.answers, trained.task ?? prepared.task)
  }
}
