import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain

/// Measures training steps without an update, on batches of the job's own data.
struct StepMeasurement {
  /// The model, with its trainable parameters marked.
  let model: TransformerModel
  /// The training data.
  let data: EncodedDataset
  /// The training settings.
  let settings: TrainingSettings

  /// The examples `indices`, packed; nil for data without labels.
  func batch(_ indices: [Int]) -> Batch? {
    data.examples(indices, maskingWith: SeededGenerator(seed: 0, purpose: "forecast masks"))
  }

  /// The peak bytes of a step on the examples `indices`, without parameters and gradients.
  func bytes(_ indices: [Int]) -> Int {
    guard !indices.isEmpty, let batch = batch(indices) else { return 0 }
    let before = TensorMemory.current.bytesInUse
    TensorMemory.resetPeak()
    pass(batch, to: NoGradients())
    return TensorMemory.current.peakBytesInUse - before
  }

  /// The peak bytes of a step of `tokens` tokens, without parameters and gradients, estimated from
  /// the examples `indices` and from the first half of them.
  func bytes(_ indices: [Int], of tokens: Int) -> Int {
    let half = Array(indices.prefix(indices.count / 2))
    func length(_ indices: [Int]) -> Int { indices.reduce(0) { $0 + data.lengths[$1] } }
    let (bytes, measured) = (bytes(indices), length(indices))
    let more = measured - length(half)
    guard !half.isEmpty, more > 0 else {
      return Int(saturating: Double(bytes) * max(1, Double(tokens) / Double(max(1, measured))))
    }
    // Memory that does not grow with the tokens is in both measurements and cancels.
    let perToken = Double(max(0, bytes - self.bytes(half))) / Double(more)
    let total = Double(bytes) + perToken * Double(max(0, tokens - measured))
    return Int(
      saturating: total
        - uncountedLogits(indices, measured: measured, of: tokens, perToken: perToken))
  }

  /// The bytes of vocabulary logits that `perToken` wrongly counts for every token. Only the logits
  /// of some rows are in memory at once; those of the examples `indices` all are.
  private func uncountedLogits(
    _ indices: [Int], measured: Int, of tokens: Int, perToken: Double
  ) -> Double {
    guard let vocabulary = model.vocabulary, let targets = batch(indices)?.targets else { return 0 }
    let rowsOfToken = Double(targets.termCount) / Double(max(1, measured))
    let bytesOfRow = Double(4 * vocabulary.table.shape.rows)
    guard perToken >= rowsOfToken * bytesOfRow else { return 0 }
    let atOnce = max(vocabulary.rowsAtOnce, targets.termCount)
    return max(0, rowsOfToken * Double(tokens) - Double(atOnce)) * bytesOfRow
  }

  /// Tokens per second of the forward and backward passes over a few batches, without the first.
  func tokensPerSecond(_ batches: [[Int]]) -> Double {
    let gradients = GradientAccumulator(precision: settings.precision)
    var tokens = 0
    var elapsed = Duration.zero
    for (index, indices) in batches.prefix(4).enumerated() {
      let start = ContinuousClock.now
      guard let batch = batch(indices) else { continue }
      gradients.reset()
      pass(batch, to: gradients)
      guard index > 0 || batches.count == 1 else { continue }
      tokens += batch.texts.tokenCount
      elapsed += ContinuousClock.now - start
    }
    return Double(tokens) / max(elapsed / .seconds(1), 1e-9)
  }

  /// Runs the forward and backward passes of a step.
  private func pass(_ batch: Batch, to gradients: some GradientSink) {
    let dropout = SeededGenerator(seed: settings.seed, purpose: "forecast")
    let tape = Tape(
      dropout: settings.usesDropout ? dropout : nil,
      recomputingLayers: settings.recomputesLayers, precision: settings.precision)
    let loss = model.loss(batch.texts, batch.targets, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
  }
}

/// A sink that discards gradients, so that a pass shows the memory it needs without them.
private final class NoGradients: GradientSink {
  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
  ) {}
}
