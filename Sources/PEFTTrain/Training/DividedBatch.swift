import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The batch of a step, in parts that are computed one after another so that only one has its
/// activations in memory.
///
///     L = Σ_p (n_p / n) L_p     n_p rows in part p, n in all
///
/// Every row has the weight 1 / n, whatever part it is in. The mean of the means L_p would give
/// rows of short parts more weight.
package struct DividedBatch {
  private let parts: [(batch: Batch, place: BatchPlace)]

  /// The batch of the examples `indices`, in parts of the size that `settings` give.
  package init(
    _ indices: [Int], of data: EncodedDataset, settings: TrainingSettings,
    maskingWith masks: SeededGenerator
  ) {
    let divided =
      settings.accumulation > 1
      ? settings.batches.parts(of: indices, lengths: data.lengths) : [indices]
    var (tokens, examples, predicted, squares) = (0, 0, 0, 0)
    parts = divided.map { part in
      guard let batch = data.examples(part, maskingWith: masks) else {
        preconditionFailure("DividedBatch: data without labels")
      }
      let texts = batch.texts
      let place = BatchPlace(
        tokens: tokens..<tokens + texts.tokenCount,
        examples: examples..<examples + texts.exampleCount,
        predicted: texts.predictedRows.map { predicted..<predicted + $0.count },
        squares: squares)
      (tokens, examples) = (place.tokens.upperBound, place.examples.upperBound)
      predicted = place.predicted?.upperBound ?? predicted
      squares += (0..<texts.exampleCount).reduce(0) {
        $0 + texts.partition[$1].count * texts.partition[$1].count
      }
      return (batch, place)
    }
  }

  /// The number of rows over which the loss is averaged.
  package var termCount: Int { parts.reduce(0) { $0 + $1.batch.targets.termCount } }

  /// The number of tokens.
  package var tokenCount: Int { parts.reduce(0) { $0 + $1.batch.texts.tokenCount } }

  /// Adds the gradients of the loss, part by part.
  ///
  /// - Parameters:
  ///   - dropout: generates the masks of the batch; nil for no dropout.
  ///   - terms: the number of rows n over which the loss is averaged; nil for those of this batch.
  ///   - stopsAtInfinity: whether a loss that is not finite ends the pass before its gradients.
  /// - Returns: the loss.
  package func pullBack(
    in model: TransformerModel, settings: TrainingSettings, dropout: SeededGenerator? = nil,
    amongTerms terms: Int? = nil, stopsAtInfinity: Bool = true, to gradients: some GradientSink
  ) -> Double {
    let all = terms ?? termCount
    var sum = 0.0
    for (batch, place) in parts where batch.targets.termCount > 0 || all == 0 {
      let mine = batch.targets.termCount
      // A weight of 1 also where there is no row, so that the loss is 0 and not undefined.
      let weight = mine == all ? 1 : Double(mine) / Double(all)
      let tape = Tape(
        dropout: dropout, at: place, recomputingLayers: settings.recomputesLayers,
        precision: settings.precision)
      let loss = model.loss(
        batch.texts, batch.targets, shape: settings.lossShape, on: tape)
      guard !stopsAtInfinity || loss.mean.isFinite else { return loss.mean }
      tape.pullBack(
        Tensor(repeating: Float(weight), shape: [1]), from: loss.variable, to: gradients)
      sum += loss.mean * weight
    }
    return sum
  }
}
