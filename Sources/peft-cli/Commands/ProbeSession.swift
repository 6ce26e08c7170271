import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor

/// One probe as the user sees it; `probe`, `adapt` and `validate` share it.
struct ProbeSession {
  let prepared: PreparedJob
  let common: CommonOptions

  /// Measures; what a signal cut short comes back as far as it got.
  ///
  /// - Parameters:
  ///   - directory: where the state is saved.
  ///   - resuming: whether to go on from a state there.
  func measure(
    _ settings: InfluenceSettings, savingIn directory: OutputDirectory? = nil,
    resuming: Bool = false
  ) throws -> (Influence, isInterrupted: Bool) {
    let plan = prepared.probeBatchPlan(settings)
    if plan.isShared {
      common.note(
        "warning: the training data are a single batch, which both defines the direction and is "
          + "probed; this biases slopes upwards: lower --batch-size")
    } else if let part = plan.directionPart {
      common.note(
        "the training data are \(plan.batchCount.grouped) batches: \(part.grouped) define the "
          + "direction, repeatedly, and the other \(plan.probeCount.grouped) are probed")
    }
    Interruption.watch()
    let progress = StepLine(isQuiet: common.quiet)
    let influence = try prepared.measureInfluence(
      settings, savingIn: directory, resuming: resuming,
      shouldStop: { Interruption.isRequested }
    ) { progress.show($0) }
    progress.finish()
    guard let influence else {
      throw InterruptedEarly(
        description: "interrupted before the first probe was done; there are no influences yet")
    }
    common.note(
      "probed \(influence.groups.count.grouped) groups in "
        + "\(ProgressLine.duration(influence.cost.seconds)): \(influence.cost)")
    return (influence, Interruption.isRequested)
  }
}
