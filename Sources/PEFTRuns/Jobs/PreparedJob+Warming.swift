import PEFTModels
import PEFTTensor
import PEFTTrain

extension PreparedJob {
  /// Trains what `method` trains for some steps, in the model itself, without dropout. The marks of
  /// trainable parameters are then those of `method`. Returns false if it was stopped.
  package func warm(
    _ method: any AdaptationMethod, steps: Int, rate: Double, precision: Precision,
    shouldStop: () -> Bool, observe: (StepReport) -> Void
  ) throws -> Bool {
    method.attach(to: model, using: SeededGenerator(seed: 0, purpose: "unused"))
    var training = job.settings
    training.length = .steps(steps)
    training.learningRate = rate
    training.usesDropout = false
    training.precision = precision
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: nil, task: task, settings: training, shouldStop: shouldStop
    ) { event in
      if case .step(let report) = event { observe(report) }
    }
    return outcome.ending != .interrupted
  }
}
