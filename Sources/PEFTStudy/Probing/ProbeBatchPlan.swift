import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Which batches of the training data make the direction of a probe, and which are probed.
///
/// A slope is unbiased only where a probe has none of the examples that made the direction. Where
/// the data have fewer batches than both take, one permutation's batches are parted between them in
/// proportion: the direction goes round its part, and probes are as many as theirs has.
public struct ProbeBatchPlan: Hashable, Sendable {
  /// Batches in a pass over the training data.
  public let batchCount: Int
  /// Probes at the starting point: those asked for, or fewer.
  public let probeCount: Int
  /// Batches that make the direction as often as it asks for, where the data were too few; nil
  /// where they were not, or where probes go along a training run or are to be on the
  /// direction's own batches.
  public let directionPart: Int?
  /// Whether there is but one batch, which then serves for both.
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

  /// The pass, from 0, and the place in it of the batch that probing knows by `index`.
  package func place(of index: Int) -> (pass: Int, position: Int) {
    guard let directionPart else { return (index / batchCount, index % batchCount) }
    if index < directionBatches { return (0, index % directionPart) }
    return (0, isShared ? 0 : directionPart + index - directionBatches)
  }
}

extension PreparedJob {
  /// The batches of these data for a probe with these settings.
  public func probeBatchPlan(_ settings: InfluenceSettings) -> ProbeBatchPlan {
    ProbeBatchPlan(settings.probe, batchCount: max(1, probeBatches(pass: 0).count))
  }

  /// The batch that probing knows by `index`.
  func probeBatch(_ index: Int, by plan: ProbeBatchPlan) -> Batch {
    let (pass, position) = plan.place(of: index)
    let batches = probeBatches(pass: pass)
    let hiding = SeededGenerator(seed: probeSeed, purpose: "masks").split(index)
    guard let batch = train.examples(batches[position % batches.count], maskingWith: hiding) else {
      preconditionFailure("measureInfluence: data without labels")
    }
    return batch
  }

  /// Of permutations of their own.
  private func probeBatches(pass: Int) -> [[Int]] {
    var settings = job.settings
    settings.seed = probeSeed
    return epochBatches(data: train, settings: settings, epoch: pass)
  }

  private var probeSeed: UInt64 {
    SeededGenerator(seed: job.settings.seed, purpose: "probe batches").key
  }
}
