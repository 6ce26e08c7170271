import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Cross-validation: trains once for every fold of the training rows, on all other folds, and tests
/// on that fold.
///
///     fold-1, fold-2, …   the run directories
///     folds.json          the scores of the folds with their means and intervals, written last
///
/// What is there already is used, so an interrupted cross-validation resumes to the same results.
public struct FoldJob {
  /// The name of the file with the results.
  public static let fileName = "folds.json"

  /// The job that is trained for every fold; its fold does not count.
  public let job: TrainingJob
  /// The number of folds, at least 2.
  public let count: Int

  /// What happens.
  public enum Event {
    /// A message for the user.
    case note(String)
    /// The training without a fold begins, of a model with these counts.
    case begins(Fold, trainable: Int, parameters: Int)
    /// An event of the search for a learning rate.
    case searching(RateSearchEvent)
    /// An event of training.
    case training(TrainingEvent)
  }

  /// A cross-validation of `job` with `count` folds, divided by the job's seed.
  public init(_ job: TrainingJob, count: Int) { (self.job, self.count) = (job, count) }

  /// Trains what is missing, and writes the results.
  ///
  /// - Returns: nil if it was stopped. Finished folds, and the state of the current one, are kept.
  /// - Throws: `storage` for a directory that has something else; the errors of training.
  public func run(
    in path: String, start: RunStart, checkpoints: Int? = nil, shouldStop: () -> Bool,
    observe: (Event) -> Void
  ) throws -> FoldResults? {
    let output = try OutputDirectory(path, as: .folds)
    /// A fold of the job, with its data.
    func read(_ number: Int) throws -> (fold: Fold, job: TrainingJob, inputs: TrainingInputs) {
      var job = job
      let fold = Fold(number, of: count, seed: job.settings.seed)
      job.fold = fold
      return (fold, job, try job.inputs())
    }
    // Errors in the data, and a method that does not fit, are found before anything is replaced.
    var first: (fold: Fold, job: TrainingJob, inputs: TrainingInputs)? = try read(1)
    if let first { try TrainingJob.checkFit(of: job.method, in: first.inputs.unreadModel) }
    if start != .resuming { try output.begin(overwriting: start == .overwriting) }
    var manifests: [RunManifest] = []
    for number in 1...count {
      let (fold, job, inputs) = try first.take() ?? read(number)
      if number == 1 { inputs.notes.forEach { observe(.note($0)) } }
      TensorMemory.releaseUnused()
      var hasBegun = false
      let manifest = try job.run(
        on: inputs, recipe: job.recipe(of: inputs),
        in: output.subdirectory("fold-\(number)", as: .run), isResuming: true,
        checkpoints: checkpoints, shouldStop: shouldStop,
        searching: { observe(.searching($0)) }
      ) { prepared, event in
        if !hasBegun {
          hasBegun = true
          let counts = prepared.counts
          observe(.begins(fold, trainable: counts.trainable, parameters: counts.parameters))
        }
        observe(.training(event))
      }
      guard manifest.outcome.ending != .interrupted else { return nil }
      manifests.append(manifest)
    }
    let results = FoldResults(
      manifests.map { $0.metrics.first { $0.split == "test" }?.values ?? [] })
    try JSONFile.write(results.json, to: output.file(Self.fileName))
    return results
  }
}

/// The scores of a cross-validation on its folds.
public struct FoldResults: Sendable {
  /// A metric over the folds.
  public struct Summary: Sendable {
    /// Its name.
    public let name: String
    /// Its value on each fold.
    public let values: [Double]
    /// The mean.
    public let mean: Double
    /// The standard deviation, with k − 1 in the denominator.
    public let deviation: Double
    /// The half-width of the 95 % interval of the mean:
    ///
    ///     t₀.₉₇₅(k − 1) · s · √(1/k + 1/(k − 1))
    ///
    /// The folds share most of their training rows, so their scores are not independent, and s / √k
    /// would be too small. The second term corrects it by the ratio of test rows to training rows
    /// (Nadeau & Bengio 2003).
    public let margin: Double

    /// The summary of at least two values.
    init(_ name: String, _ values: [Double]) {
      (self.name, self.values) = (name, values)
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
      self.mean = mean
      deviation = variance.squareRoot()
      margin =
        StudentDistribution(degrees: values.count - 1).bound(keptWith: 0.95) * deviation
        * (1 / count + 1 / (count - 1)).squareRoot()
    }
  }

  /// The metrics that all folds have, in their order.
  public let summaries: [Summary]
  /// The number of folds.
  public let count: Int

  /// The results with these metrics of each fold, at least two.
  public init(_ folds: [[(name: String, value: Double)]]) {
    precondition(folds.count > 1, "FoldResults: \(folds.count) folds")
    count = folds.count
    summaries = folds[0].compactMap { name, _ in
      let values = folds.compactMap { fold in fold.first { $0.name == name }?.value }
      return values.count == folds.count ? Summary(name, values) : nil
    }
  }

  /// `folds` with the metrics of each, and for every metric `mean`, `deviation` and the 95 %
  /// `interval`.
  public var json: JSONValue {
    var (means, deviations, intervals) = (JSONObject(), JSONObject(), JSONObject())
    for item in summaries {
      means[item.name] = .number(item.mean)
      deviations[item.name] = .number(item.deviation)
      intervals[item.name] = .array([
        .number(item.mean - item.margin), .number(item.mean + item.margin),
      ])
    }
    let folds = (0..<count).map { fold in
      var object = JSONObject()
      for item in summaries { object[item.name] = .number(item.values[fold]) }
      return JSONValue.object(object)
    }
    return .object([
      "folds": .array(folds), "mean": .object(means), "deviation": .object(deviations),
      "interval": .object(intervals),
    ])
  }
}
