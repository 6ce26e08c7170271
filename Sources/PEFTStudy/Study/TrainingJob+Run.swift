import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

extension TrainingJob {
  /// The run of this job in `output`: the finished one there, the rest of an interrupted one, or a
  /// new one.
  ///
  /// - Parameters:
  ///   - inputs: the inputs of this job.
  ///   - recipe: the recipe of this job.
  ///   - isResuming: whether a run there is kept; otherwise it is replaced.
  ///   - pause: the step after which the run is interrupted as by `shouldStop`; nil for none.
  func run(
    on inputs: TrainingInputs, recipe: JSONObject, in output: OutputDirectory, isResuming: Bool,
    checkpoints: Int? = nil, pausingAfter pause: Int? = nil, shouldStop: () -> Bool,
    searching: (RateSearchEvent) -> Void, observe: (PreparedJob, TrainingEvent) throws -> Void
  ) throws -> RunManifest {
    if isResuming, let finished = try finishedRun(in: output.path, recipe: recipe) {
      try CheckpointStore<TrainingState>.remove(from: output)
      return finished
    }
    let prepared = try prepare(from: inputs)
    try prepared.forecast(timing: false).memory.check()
    return try prepared.run(
      in: output, recipe: recipe,
      resuming: isResuming && output.has(TrainingState.manifestName), checkpoints: checkpoints,
      pausingAfter: pause, shouldStop: shouldStop, searching: searching,
      observe: { try observe(prepared, $0) })
  }
}
