import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

extension PreparedJob {
  /// Trains and evaluates without a run directory; nil where it was stopped.
  ///
  /// - Parameter scratch: a directory in which a file is written and removed again, for its size.
  func cell(
    recipe: JSONObject, probeSeconds: Double, parameters: Int, scratch: OutputDirectory,
    shouldStop: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws -> SuiteCell? {
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: dev, task: task, settings: job.settings,
      session: session, shouldStop: shouldStop, observe: observe)
    guard outcome.ending != .interrupted, let test,
      let measured = model.evaluate(test, task: task, shouldStop: shouldStop)
    else { return nil }
    var cell = cell(recipe: recipe, probeSeconds: probeSeconds, parameters: parameters)
    cell.steps = outcome.steps
    cell.seconds = outcome.seconds
    cell.metrics = [
      ("dev", outcome.bestMetrics), ("test", measured.metrics),
    ]
    cell.peakMemory = Processor.peakResidentBytes
    let path = try scratch.file(TrainedTensors.fileName)
    try TrainedTensors.save(model, drawn: drawn, to: path)
    cell.storedBytes = try FileContents.byteCount(path)
    try scratch.remove([TrainedTensors.fileName])
    return cell
  }

  /// A run without a result.
  func cell(
    recipe: JSONObject, probeSeconds: Double, parameters: Int
  ) -> SuiteCell {
    SuiteCell(
      seed: job.settings.seed, learningRate: job.settings.learningRate,
      trainable: counts.trainable, head: model.taskParameters.reduce(0) { $0 + $1.count },
      parameters: parameters, storedBytes: 0, steps: 0, seconds: 0, probeSeconds: probeSeconds,
      peakMemory: Processor.peakResidentBytes, metrics: [], recipe: recipe)
  }
}
