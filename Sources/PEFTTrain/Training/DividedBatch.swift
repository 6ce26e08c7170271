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
///
/// The parts are the atoms of the step: their gradients are added along a tree (`AtomTree`), so
/// that the sum has the same bits whichever processes compute them.
package struct DividedBatch {
  private let parts: [(batch: Batch, place: BatchPlace)]

  /// The batch of the examples `indices`, in parts of the size that `settings` give.
  package init(
    _ indices: [Int], of data: EncodedDataset, settings: TrainingSettings,
    maskingWith masks: SeededGenerator
  ) {
    let divided = settings.atomPlan?.parts(of: indices, lengths: data.lengths) ?? [indices]
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

  /// The number of parts.
  package var atomCount: Int { parts.count }

  /// Adds the gradients of the loss.
  ///
  /// - Parameters:
  ///   - dropout: generates the masks of the batch; nil for no dropout.
  ///   - temperature: divides the logits of cross entropies.
  ///   - stopsAtInfinity: whether a loss that is not finite ends the pass before its gradients.
  /// - Returns: the loss.
  package func pullBack(
    in model: TransformerModel, settings: TrainingSettings, dropout: SeededGenerator? = nil,
    temperature: Double = 1, stopsAtInfinity: Bool = true, to gradients: GradientAccumulator
  ) -> Double {
    guard parts.count > 1 else {
      return pullBack(
        part: 0, in: model, settings: settings, dropout: dropout, temperature: temperature,
        stopsAtInfinity: stopsAtInfinity, to: gradients) ?? 0
    }
    var (tree, losses) = sums(
      over: 0..<parts.count, in: model, settings: settings, dropout: dropout,
      temperature: temperature, stopsAtInfinity: stopsAtInfinity)
    if let sum = tree.takeSum() { gradients.add(sum) }
    return Self.loss(losses)
  }

  /// The gradients of the parts `range`, along the tree, and the share of each in the loss.
  ///
  /// If a loss that is not finite ends the pass, the losses end with it and the tree is empty.
  func sums(
    over range: Range<Int>, in model: TransformerModel, settings: TrainingSettings,
    dropout: SeededGenerator?, temperature: Double = 1, stopsAtInfinity: Bool
  ) -> (tree: AtomTree<GradientAccumulator>, losses: [Double]) {
    let empty = AtomTree<GradientAccumulator> { $0.add($1) }
    var (tree, losses) = (empty, [Double]())
    for part in range {
      let gradients = GradientAccumulator(precision: settings.precision)
      let loss = pullBack(
        part: part, in: model, settings: settings, dropout: dropout, temperature: temperature,
        stopsAtInfinity: stopsAtInfinity, to: gradients)
      losses.append(loss ?? 0)
      if stopsAtInfinity, loss?.isFinite == false { return (empty, losses) }
      tree.append(gradients, first: part)
    }
    return (tree, losses)
  }

  /// The loss of a step, from the shares of its parts: the first that is not finite, or their sum.
  static func loss(_ shares: [Double]) -> Double {
    shares.first { !$0.isFinite } ?? shares.reduce(0, +)
  }

  /// Adds the gradients of one part's share in the loss.
  ///
  /// - Returns: the share; nil if the part has no row in a batch that has some.
  private func pullBack(
    part: Int, in model: TransformerModel, settings: TrainingSettings, dropout: SeededGenerator?,
    temperature: Double, stopsAtInfinity: Bool, to gradients: GradientAccumulator
  ) -> Double? {
    let ((batch, place), all) = (parts[part], termCount)
    let mine = batch.targets.termCount
    guard mine > 0 || all == 0 else { return nil }
    // A weight of 1 also where there is no row, so that the loss is 0 and not undefined.
    let weight = mine == all ? 1 : Double(mine) / Double(all)
    let tape = Tape(
      dropout: dropout, at: place, recomputingLayers: settings.recomputesLayers,
      precision: settings.precision)
    let loss = model.loss(
      batch.texts, batch.targets, shape: settings.lossShape, temperature: temperature, on: tape)
    guard !stopsAtInfinity || loss.mean.isFinite else { return loss.mean }
    tape.pullBack(
      Tensor(repeating: Float(weight), shape: [1]), from: loss.variable, to: gradients)
    return loss.mean * weight
  }
}
