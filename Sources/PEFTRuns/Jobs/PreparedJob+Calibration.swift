import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

extension PreparedJob {
  /// The largest number of logits (64 MiB) from which a task is calibrated.
  private static let calibrationLimit = 1 << 24

  /// The task with what it takes from the dev data, such as thresholds, for the model as it is now.
  /// Without dev data, and for most tasks, it is the task itself. Of very large dev data, a sample
  /// is used.
  ///
  /// - Returns: nil if it was stopped.
  package func calibratedTask(shouldStop: () -> Bool) throws -> (any PredictionTask)? {
    guard task.takesCalibration || job.settings.calibrates, let dev, let targets = dev.targets,
      let width = model.output.classCount
    else { return task }
    let limit = max(1, Self.calibrationLimit / width)
    let data = dev.sample(limit, using: SeededGenerator(seed: 0, purpose: "calibration"))
    var logits: [Float] = []
    logits.reserveCapacity(data.count * width)
    struct Stopped: Error {}
    do {
      try model.readAgain()
      try model.predict(data) { row in
        logits += row
        if shouldStop() { throw Stopped() }
      }
    } catch is Stopped {
      return nil
    }
    return task.calibrated(logits: logits, targets: data.targets ?? targets)
  }
}
