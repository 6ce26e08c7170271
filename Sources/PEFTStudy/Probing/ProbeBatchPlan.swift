import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Assigns batches of the training data to the direction of a probe and to the probes.
///
/// A slope is unbiased only if a probe contains none of the examples that formed the direction. If
/// the data have fewer batches than both need, the batches of one permutation are split between
/// them in proportion: the direction cycles through its part, and there are as many probes as
/// batches in the other part.
public struct ProbeBatchPlan: Hashable, Sendable {
  /// The number of batches in a pass over the training data.
  public let batchCount: Int
  /// The number of probes at the starting point: the requested number, or fewer.
  public let probeCount: Int
  /// The number of batches that form the direction, which cycles through them, if the data have too
  /// few batches.
  ///
  /// Nil if there are enough batches, if probes follow a training run, or if they use the
  /// direction's own batches.
  public let directionPart: Int?
  /// Whether there is only one batch, which then serves for both.
  public let isShared: Bool
  private let directionBatches: Int

  /// The plan for data of `batchCount` batches, at least 1.
  package init(_ settings: ProbeSettings, batchCount: Int) {
    precondition(batchCount > 0, "ProbeBatchPlan: no batches")
    self.batchCount = batchCount
    guard case .held(let directionBatches) = settings.path, settings.probeBatches == .fresh,
      batchCount < directionBatches + settings.probeCount
    else {
      (probeCount, directionPart, directionBatches, isShared) = (settings.probeCount, nil, 0, false)
      return
    }
    self.directionBatches = directionBatches
    guard batchCount > 1 else {
      (probeCount, directionPart, isShared) = (1, 1, true)
      return
    }
    let share = Double(settings.probeCount) / Double(settings.probeCount + directionBatches)
    probeCount = min(
      settings.probeCount, max(1, min(batchCount - 1, Int((Double(batchCount) * share).rounded()))))
    directionPart = batchCount - probeCount
    isShared = false
  }

  /// The pass, from 0, and the position in it of the batch that probing numbers `index`.
  package func place(of index: Int) -> (pass: Int, position: Int) {
    guard let directionPart else { return (index / batchCount, index % batchCount) }
    if index < directionBatches { return (0, index % directionPart) }
    return (0, isShared ? 0 : directionPart + index - directionBatches)
  }
}

extension PreparedJob {
  /// The batch plan of these data for a probe with these settings.
  public func probeBatchPlan(_ settings: InfluenceSettings) -> ProbeBatchPlan {
    ProbeBatchPlan(settings.probe, batchCount: max(1, probeBatches(pass: 0).count))
  }

  /// The batch that probing numbers `index`.
  ///
  /// - Parameter step: the number of steps of a run after which it is probed again, on other
  ///   batches; 0 before a run.
  func probeBatch(_ index: Int, by plan: ProbeBatchPlan, after step: Int = 0) -> Batch {
    let (pass, position) = plan.place(of: index)
    let batches = probeBatches(pass: pass, after: step)
    let hiding = SeededGenerator(seed: probeSeed(after: step), purpose: "masks").split(index)
    guard let batch = train.examples(batches[position % batches.count], maskingWith: hiding) else {
      preconditionFailure("measureInfluence: data without labels")
    }
    return batch
  }

  /// The batches of a pass, from permutations used only for probing.
  private func probeBatches(pass: Int, after step: Int = 0) -> [[Int]] {
    var settings = job.settings
    settings.seed = probeSeed(after: step)
    // Of each of these, a probe takes statistics.
    settings.atoms = nil
    return computedBatches(data: train, settings: settings, epoch: pass)
  }

  private func probeSeed(after step: Int) -> UInt64 {
    let generator = SeededGenerator(seed: job.settings.seed, purpose: "probe batches")
    return step == 0 ? generator.key : generator.split(step).key
  }
}
