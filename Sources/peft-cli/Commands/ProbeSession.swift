import Foundation
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor

/// Runs one probe and shows its progress; shared by `probe`, `adapt` and `validate`.
struct ProbeSession {
  let prepared: PreparedJob
  let common: CommonOptions

  /// Measures the influence. If a signal ends the measurement, the results so far are returned.
  ///
  /// - Parameters:
  ///   - directory: the directory in which the state is saved.
  ///   - resuming: whether to continue from a state there.
  ///   - collective: the processes that share the probes; the first alone has a directory.
  ///   - place: the path of that directory.
  func measure(
    _ settings: InfluenceSettings, savingIn directory: OutputDirectory? = nil,
    resuming: Bool = false, collective: any Collective = Alone(), resumingFrom place: String? = nil
  ) throws -> (Influence, isInterrupted: Bool) {
    Self.note(prepared.probeBatchPlan(settings), common)
    Interruption.watch()
    let progress = StepLine(isQuiet: common.quiet)
    let influence = try prepared.measureInfluence(
      settings, savingIn: directory, resuming: resuming, collective: collective,
      resumingFrom: place, shouldStop: { Interruption.isRequested }
    ) { progress.show($0) }
    progress.finish()
    guard let influence else { throw Self.interruptedEarly }
    Self.note(influence, common)
    return (influence, try collective.any(Interruption.isRequested))
  }

  /// The error for a signal that came before there was anything to save.
  static let interruptedEarly = InterruptedEarly(
    description: "interrupted before the first probe was done; there are no influences yet")

  /// Notes how many batches there are if there are few.
  static func note(_ plan: ProbeBatchPlan, _ common: CommonOptions) {
    if plan.isShared {
      common.note(
        "warning: the training data are a single batch, which both defines the direction and is "
          + "probed; this biases slopes upwards: lower --batch-size")
    } else if let part = plan.directionPart {
      common.note(
        "the training data are \(plan.batchCount.grouped) batches: \(part.grouped) define the "
          + "direction, repeatedly, and the other \(plan.probeCount.grouped) are probed")
    }
  }

  /// Notes what was measured and how long it took.
  static func note(_ influence: Influence, _ common: CommonOptions) {
    common.note(
      "probed \(influence.groups.count.grouped) groups in "
        + "\(ProgressLine.duration(influence.cost.seconds)): \(influence.cost)"
        + (influence.agreement.map { String(format: "; agreement of gradients %.2f", $0) } ?? ""))
  }
}
