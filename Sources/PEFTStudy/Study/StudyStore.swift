import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// The store of a study's runs.
///
/// `CellStore` stores the numbers of each run in a small file; `RunStore` stores each run as a
/// directory, with its weights.
protocol StudyStore {
  /// The requested run: an existing one, or a new one.
  ///
  /// - Parameters:
  ///   - choice: what trains; called only if the run does not exist.
  ///   - shouldStop: called after every batch.
  /// - Returns: nil if it was stopped.
  func run(
    _ request: StudyRequest, training choice: () throws -> StudyChoice?, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> StudyRun?

  /// The results of a probe on a problem, either existing or newly measured; nil if it was stopped.
  func influence(
    _ name: String, _ settings: InfluenceSettings, on problem: StudyProblem,
    shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Influence?

  /// Called with the chosen learning rate of a row, if there were several.
  func choose(_ request: StudyRequest) throws
}

/// A request for a run of a study.
struct StudyRequest {
  /// The row.
  let row: StudyRow
  /// The problem of the row.
  let problem: StudyProblem
  /// The seed of everything random.
  let seed: UInt64
  /// The learning rate; nil if the run finds it itself.
  let learningRate: Double?
  /// Whether the rate is one of several tried with this seed.
  let isTrial: Bool
  /// The recipe of the run, as stored in the record of a suite's run.
  let recipe: JSONObject

  /// The job of this run, training `choice`.
  func job(training choice: StudyChoice) -> TrainingJob {
    var job = problem.job
    job.method = choice.method
    job.plannedModel = choice.plan?.model
    job.settings.seed = seed
    job.findsRate = learningRate == nil
    if let learningRate { job.settings.learningRate = learningRate }
    return job
  }
}

/// What a row trains with a seed, and the cost of selecting it.
struct StudyChoice {
  /// The method.
  let method: any AdaptationMethod
  /// The plan of the selection, if there is one.
  var plan: Plan?
  /// The time of probing and selecting in seconds.
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
  /// A training run begins, with this learning rate, or, if it is nil, with one that it finds
  /// itself.
  case run(StudyRow, seed: UInt64, learningRate: Double?)
  /// A training run looks for its learning rate.
  case searching(RateSearchEvent)
  /// A training run has made progress.
  case training(TrainingEvent)
  /// Some of the training runs are done, made now or found.
  case progress(done: Int, of: Int)
  /// A training run ended without a result.
  case diverged(StudyRow, seed: UInt64, learningRate: Double?, NonFiniteLoss)
}
