import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The batches of a run by their number.
struct BatchSource {
  let data: EncodedDataset
  let settings: TrainingSettings

  /// The batch with this number, from 0, which may be beyond the first pass.
  subscript(number: Int) -> Batch {
    let hiding = SeededGenerator(seed: settings.seed, purpose: "masks").split(number)
    guard let batch = data.examples(indices(number), maskingWith: hiding) else {
      preconditionFailure("BatchSource: data without labels")
    }
    return batch
  }

  /// The batch with this number, in the parts in which steps compute it.
  func divided(_ number: Int) -> DividedBatch {
    DividedBatch(
      indices(number), of: data, settings: settings,
      maskingWith: SeededGenerator(seed: settings.seed, purpose: "masks").split(number))
  }

  /// The texts of `count` examples, or fewer, `atOnce` in a batch, from the batch `first` on.
  func texts(_ count: Int, atOnce: Int, from first: Int) -> [PackedBatch] {
    var chosen: [Int] = []
    var number = first
    while chosen.count < min(count, data.count) {
      chosen += indices(number)
      number += 1
    }
    return stride(from: 0, to: min(count, chosen.count), by: atOnce).map {
      data.texts(Array(chosen[$0..<min($0 + atOnce, chosen.count)]))
    }
  }

  private func indices(_ number: Int) -> [Int] {
    var (rest, epoch) = (number, 0)
    while true {
      let batches = epochBatches(data: data, settings: settings, epoch: epoch)
      if rest < batches.count { return batches[rest] }
      rest -= batches.count
      epoch += 1
    }
  }
}
