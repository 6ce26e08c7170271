import PEFTData
import PEFTTensor

extension TrainingJob {
  /// The weights of the classes in the loss, in the order of the classes; empty for weights of 1.
  ///
  /// Throws for weights or a focal loss where a text has no single class, for the name of a class
  /// that there is not, and for calibration without dev data.
  func classWeights(of inputs: TrainingInputs) throws(InvalidSetting) -> [Double] {
    let task = inputs.task
    let counts: [Int]? =
      if case .classes(let counts)? = inputs.trainingTargets { counts } else { nil }
    if settings.focusing > 0 {
      guard counts != nil else {
        throw InvalidSetting(
          setting: "focal",
          "it is for tasks with one class for each text or word, and this task is "
            + "\(type(of: task).name)")
      }
      guard settings.labelSmoothing == 0 else {
        throw InvalidSetting("`focal` and `label-smoothing` exclude each other")
      }
    }
    if settings.calibrates {
      guard task is Classification else {
        throw InvalidSetting(
          setting: "calibrate", "it is for classification, and this task is \(type(of: task).name)")
      }
      guard inputs.dev != nil else {
        throw InvalidSetting(
          setting: "calibrate",
          "it needs dev data: name `dev` data, or hold rows out with `holdout`")
      }
    }
    guard let weighting = settings.classWeighting else { return [] }
    guard let counts, let classes = task.classes else {
      throw InvalidSetting(
        setting: "class-weights",
        "they are for tasks with one class for each text or word, and this task is "
          + "\(type(of: task).name)")
    }
    if let name = weighting.unknownName(in: classes) {
      throw InvalidSetting(
        setting: "class-weights",
        "\"\(name)\" is none of the classes: " + classes.names.prefix(20).joined(separator: ", ")
          + (classes.count > 20 ? ", …" : ""))
    }
    return weighting.weights(of: classes, counts: counts)
  }
}
