import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// Where the runs of a study are kept.
///
/// `CellStore` keeps the numbers of each run in a small file, `RunStore` each run as a directory of
/// its own, with its weights.
protocol StudyStore {
  /// The run that is asked for: the one that is there, or a new one.
  ///
  /// - Parameters:
  ///   - choice: what trains; asked only where the run is not there.
  ///   - shouldStop: asked after every batch.
  /// - Returns: nil where it was stopped.
  func run(
    _ request: StudyRequest, training choice: () throws -> StudyChoice?, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> StudyRun?

  /// What a probe finds on a problem: what is there, or a new measurement; nil where it was
  /// stopped.
  func influence(
    _ name: String, _ settings: InfluenceSettings, on problem: StudyProblem,
    shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Influence?

  /// Told which of the rates of a row was chosen, where there were several.
  func choose(_ request: StudyRequest) throws
}

/// A run that a study asks for.
struct StudyRequest {
  /// The row.
  let row: StudyRow
  /// Its problem.
  let problem: StudyProblem
  /// Decides everything random.
  let seed: UInt64
  /// The learning rate.
  let learningRate: Double
  /// Whether the rate is one of several that are tried with this seed.
  let isTrial: Bool
  /// What the run was made from, as a record of a suite's run has it.
  let recipe: JSONObject

  /// The job of this run, training `choice`.
  func job(training choice: StudyChoice) -> TrainingJob {
    var job = problem.job
    job.method = choice.method
    job.plannedModel = choice.plan?.model
    job.settings.seed = seed
    job.settings.learningRate = learningRate
    return job
  }
}

/// What a row trains with a seed, and what it took to select it.
struct StudyChoice {
  /// The method.
  let method: any AdaptationMethod
  /// The plan behind it, where there is one.
  var plan: Plan?
  /// Seconds of probing and selecting.
  var seconds = 0.0
}

/// What a study reports while it runs.
public enum StudyEvent {
  /// A row begins.
  case row(StudyRow, number: Int, of: Int)
  /// A probe begins.
  case probe(problem: String, name: String, seed: UInt64)
  /// A probe has made progress.
  case measuring(InfluenceEvent)
  /// A training run begins.
  case run(StudyRow, seed: UInt64, learningRate: Double)
  /// A training run has made progress.
  case training(TrainingEvent)
  /// A training run ended without a result.
  case diverged(StudyRow, seed: UInt64, learningRate: Double, NonFiniteLoss)
}
