import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// What a run will need, measured on a small batch of its own data before it starts.
public struct TrainingForecast: Sendable {
  /// Steps in all.
  public let steps: Int
  /// Bytes of all parameters as they are loaded.
  public let loadedBytes: Int
  /// Bytes of those that training holds so; in bf16 frozen matrices are only packed.
  public let weightBytes: Int
  /// Bytes of gradients: those of the trainable parameters.
  public let gradientBytes: Int
  /// Bytes of AdamW's two moments.
  public let optimizerBytes: Int
  /// Bytes of the copy of the best parameters.
  public let bestCopyBytes: Int
  /// Bytes that the process has besides the weights: itself, the vocabulary, the data.
  public let processBytes: Int
  /// Bytes of frozen matrices packed for products in bf16; 0 in fp32.
  public let packedBytes: Int
  /// Bytes of activations: of the largest batch in training, or of an evaluation, with the matrices
  /// that it takes unpacked, where it needs more.
  public let activationBytes: Int
  /// Tokens a second in training; nil where it was not measured.
  public internal(set) var tokensPerSecond: Double?
  /// Tokens in all steps.
  public let tokens: Int

  /// Bytes in all.
  public var totalBytes: Int {
    processBytes
      + max(
        loadedBytes,
        weightBytes + packedBytes + gradientBytes + optimizerBytes + bestCopyBytes + activationBytes
      )
  }

  /// Seconds of one update of what trains; 0 where nothing was timed.
  public internal(set) var updateSeconds = 0.0

  /// Seconds of training.
  public var seconds: Double? {
    tokensPerSecond.map { Double(tokens) / $0 + Double(steps) * updateSeconds }
  }
}

/// A run that does not fit. The message has the numbers and the options that lower them.
public struct InsufficientMemory: Error, Hashable, Sendable, CustomStringConvertible {
  /// The message.
  public let description: String
}

extension ModelConfiguration {
  /// Throws where the weights alone are more than the system will give.
  func checkMemory(available: Int = Processor.availableMemory) throws(InsufficientMemory) {
    let bytes = 4 * matrixElements
    guard bytes > Double(available) else { return }
    throw InsufficientMemory(
      description:
        "the model's weights take \(Int(saturating: bytes / 1048576)) MiB in memory, and \(available >> 20) MiB are "
        + "free; use a smaller model")
  }
}

extension PreparedJob {
  /// The margin on measured activations: what is lost between buffers of different sizes.
  private static let activationMargin = 1.1
  /// Minimum batch sizes, in tokens, for measuring memory, if there are that many: large enough
  /// that the rounding of buffers does not dominate, small enough that a run starts quickly.
  private static let measuredTokens = (step: 256, evaluation: 512)

  /// Measures two small steps without an update; with `timing`, also whole ones, and an update,
  /// where there is the memory for them.
  public func forecast(timing: Bool) -> TrainingForecast {
    let settings = job.settings
    let processBytes = max(0, Processor.residentMemory - weightBytes - packedBytes)
    let batches = epochBatches(data: train, settings: settings, epoch: 0)
    let tokenCounts = batches.map { $0.reduce(0) { $0 + train.lengths[$1] } }
    let largest = tokenCounts.max() ?? 0
    let batch = batches.first ?? []
    let short = first(Self.measuredTokens.step, of: train, batch)
    // Two at least, of which one is a half.
    let probe = short.count > 1 ? short : Array(batch.prefix(2))
    // Before the activations: what is packed stays, and would count as theirs.
    if settings.precision == .bf16 { _ = stepBytes(probe) }
    let (weightBytes, packedBytes) = (weightBytes, packedBytes)
    let step = stepBytes(probe, of: largest)
    let steps = plannedSteps(data: train, settings: settings)
    let perEpoch = Double(tokenCounts.reduce(0, +)) / Double(max(1, batches.count))
    let loadedBytes = 4 * counts.parameters
    let read = rowsRead(batches.prefix(steps))
    var forecast = TrainingForecast(
      steps: steps, loadedBytes: loadedBytes, weightBytes: weightBytes,
      gradientBytes: 4 * trainedElements(tableRows: min(read, largest)),
      optimizerBytes: 8 * trainedElements(tableRows: read),
      bestCopyBytes: dev == nil ? 0 : 4 * counts.trainable,
      processBytes: processBytes, packedBytes: packedBytes,
      activationBytes: max(
        Int(saturating: Double(step) * Self.activationMargin),
        evaluationBytes().map { $0 + loadedBytes - weightBytes - packedBytes } ?? 0),
      tokensPerSecond: nil, tokens: Int(saturating: perEpoch * Double(steps)))
    if timing, (try? checkMemory(forecast)) != nil {
      forecast.tokensPerSecond = measuredRate(batches)
      forecast.updateSeconds = Double(counts.trainable) * secondsPerUpdate
    }
    return forecast
  }

  /// The time of AdamW on one of many parameters.
  private var secondsPerUpdate: Double {
    let count = 1 << 22
    let parameter = Parameter(name: "forecast", value: Tensor(zeros: [count]))
    let gradients = GradientAccumulator()
    gradients.receive(
      .dense(Tensor(repeating: 1, shape: [count])), of: parameter,
      partition: RowPartition(examples: 1))
    var optimizer = AdamW(parameters: [parameter])
    optimizer.step(gradients: gradients, learningRate: 0, gradientScale: 1)
    let start = ContinuousClock.now
    optimizer.step(gradients: gradients, learningRate: 0, gradientScale: 1)
    return (ContinuousClock.now - start) / .seconds(1) / Double(count)
  }

  /// Throws where the run needs more than the system will give; the weights are in memory already.
  ///
  /// - Parameters:
  ///   - further: bytes that the forecast does not have.
  ///   - available: bytes that the process may still take.
  public func checkMemory(
    _ forecast: TrainingForecast, further: Int = 0,
    available: Int = Processor.availableMemory
  ) throws(InsufficientMemory) {
    let needed = forecast.totalBytes - forecast.loadedBytes - forecast.processBytes + further
    guard needed > available else { return }
    func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
    throw InsufficientMemory(
      description: "training needs \(mebibytes(needed)) more (gradients "
        + "\(mebibytes(forecast.gradientBytes)), optimizer \(mebibytes(forecast.optimizerBytes)), "
        + (forecast.packedBytes > 0 ? "packed weights \(mebibytes(forecast.packedBytes)), " : "")
        + "activations \(mebibytes(forecast.activationBytes))), and \(mebibytes(available)) are "
        + "free; lower `batch-size` or `max-length`, recompute layers with "
        + "`recompute`, or train fewer parameters, as with `method` lora")
  }

  /// Elements that train, of a classifier's word table those of so many rows: gradients and
  /// optimizer have no more of it. The output layer of a language model needs all.
  private func trainedElements(tableRows: Int) -> Int {
    model.parameters.reduce(0) { sum, entry in
      let parameter = entry.parameter
      let isTable =
        parameter.trains == .all && model.vocabulary == nil
        && entry.kind == .embedding && parameter.shape.rank == 2
      return sum
        + (isTable
          ? min(parameter.count, tableRows * parameter.shape.columns) : parameter.trainableCount)
    }
  }

  /// The distinct tokens in batches.
  private func rowsRead(_ batches: some Sequence<[Int]>) -> Int {
    let hiding = SeededGenerator(seed: 0, purpose: "forecast masks")
    var seen = Set<Int32>()
    for indices in batches {
      if let batch = train.examples(indices, maskingWith: hiding) {
        seen.formUnion(batch.texts.ids)
      }
    }
    return seen.count
  }

  private var weightBytes: Int { model.parameters.reduce(0) { $0 + $1.parameter.valueBytes } }

  private var packedBytes: Int { model.parameters.reduce(0) { $0 + $1.parameter.packedBytes } }

  /// Forward and reverse walk as in a step.
  private func walk(_ batch: Batch, to gradients: some GradientSink) {
    let tape = Tape(
      dropout: dropout, recomputingLayers: job.settings.recomputesLayers,
      precision: job.settings.precision)
    let loss = model.loss(batch.texts, batch.targets, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
  }

  /// The most bytes that a step of `tokens` holds at once besides parameters and gradients, by
  /// those of the examples `indices` and of half of them.
  private func stepBytes(_ indices: [Int], of tokens: Int) -> Int {
    let half = Array(indices.prefix(indices.count / 2))
    func length(_ indices: [Int]) -> Int { indices.reduce(0) { $0 + train.lengths[$1] } }
    let (bytes, measured) = (stepBytes(indices), length(indices))
    let more = measured - length(half)
    guard !half.isEmpty, more > 0 else {
      return Int(saturating: Double(bytes) * max(1, Double(tokens) / Double(max(1, measured))))
    }
    // What does not grow with the tokens is in both.
    let perToken = Double(max(0, bytes - stepBytes(half))) / Double(more)
    let total = Double(bytes) + perToken * Double(max(0, tokens - measured))
    return Int(
      saturating: total
        - uncountedLogits(indices, measured: measured, of: tokens, perToken: perToken))
  }

  /// Bytes of logits over a vocabulary that growing with the tokens would count and that are never
  /// there at once, where those of the examples `indices` are.
  private func uncountedLogits(
    _ indices: [Int], measured: Int, of tokens: Int, perToken: Double
  ) -> Double {
    guard let vocabulary = model.vocabulary,
      let targets = train.examples(
        indices, maskingWith: SeededGenerator(seed: 0, purpose: "forecast masks"))?.targets
    else { return 0 }
    let rowsOfToken = Double(targets.termCount) / Double(max(1, measured))
    let bytesOfRow = Double(4 * vocabulary.table.shape.rows)
    guard perToken >= rowsOfToken * bytesOfRow else { return 0 }
    let atOnce = max(vocabulary.rowsAtOnce, targets.termCount)
    return max(0, rowsOfToken * Double(tokens) - Double(atOnce)) * bytesOfRow
  }

  private func stepBytes(_ indices: [Int]) -> Int {
    let hiding = SeededGenerator(seed: 0, purpose: "forecast masks")
    guard !indices.isEmpty, let batch = train.examples(indices, maskingWith: hiding) else {
      return 0
    }
    let before = TensorMemory.current.bytesInUse
    TensorMemory.resetPeak()
    walk(batch, to: NoGradients())
    return TensorMemory.current.peakBytesInUse - before
  }

  /// The first of `indices`, as many as have so many tokens.
  private func first(
    _ count: Int, of data: EncodedDataset, _ indices: some Sequence<Int>
  ) -> [Int] {
    var tokens = 0
    return Array(
      indices.prefix { index in
        defer { tokens += data.lengths[index] }
        return tokens < count
      })
  }

  /// The most bytes of activations that an evaluation holds at once, by a forward computation on a
  /// few of its examples.
  private func evaluationBytes() -> Int? {
    let evaluated = [dev, test].compactMap(\.self)
    guard let data = evaluated.first else { return nil }
    let indices = first(Self.measuredTokens.evaluation, of: data, 0..<data.count)
    let length = indices.reduce(0) { $0 + data.lengths[$1] }
    let texts = data.texts(indices)
    for entry in model.parameters { _ = entry.parameter.value }
    let before = TensorMemory.current.bytesInUse
    TensorMemory.resetPeak()
    let isClassifier = model.vocabulary == nil
    // The logits of classes go by the examples, not by the tokens.
    model.frozen {
      _ = isClassifier ? model.hidden(texts, on: Tape()) : model(texts, on: Tape())
    }
    let peak = TensorMemory.current.peakBytesInUse - before
    // Of all tokens the input and the output of a layer; the rest of those that
    // it computes at once.
    let outside = 8 * model.configuration.hiddenSize
    func atOnce(_ tokens: Int, _ lengths: some Sequence<Int>) -> Double {
      Double(min(tokens, max(TransformerModel.pieceTokens, lengths.max() ?? 0)))
    }
    let inside =
      Double(peak - outside * length) / max(1, atOnce(length, data.lengths.prefix(indices.count)))
    let most = evaluated.map { $0.lengths.reduce(0, +) }.max() ?? 0
    let tokens = min(TransformerModel.evaluationTokens, most)
    let logits = isClassifier ? evaluated.map(mostLogits).max() ?? 0 : 0
    return outside * tokens + MemoryLayout<Float>.stride * logits
      + Int(saturating: max(0, inside) * atOnce(tokens, evaluated.lazy.flatMap(\.lengths)))
  }

  /// The logits of the evaluation's batch with the most examples.
  private func mostLogits(of data: EncodedDataset) -> Int {
    guard let width = model.output.classCount else { return 0 }
    let batches = TransformerModel.evaluationBatches(of: data, 0..<data.count)
    return width * (batches.map(\.count).max() ?? 0)
  }

  private var dropout: SeededGenerator? {
    job.settings.usesDropout
      ? SeededGenerator(seed: job.settings.seed, purpose: "forecast") : nil
  }

  /// Tokens a second of forward and reverse walk over a few batches, the first left out.
  private func measuredRate(_ batches: [[Int]]) -> Double {
    let gradients = GradientAccumulator(precision: job.settings.precision)
    var tokens = 0
    var elapsed = Duration.zero
    for (index, indices) in batches.prefix(4).enumerated() {
      let start = ContinuousClock.now
      let hiding = SeededGenerator(seed: 0, purpose: "forecast masks")
      guard let batch = train.examples(indices, maskingWith: hiding) else { continue }
      gradients.reset()
      walk(batch, to: gradients)
      guard index > 0 || batches.count == 1 else { continue }
      tokens += batch.texts.tokenCount
      elapsed += ContinuousClock.now - start
    }
    return Double(tokens) / max(elapsed / .seconds(1), 1e-9)
  }
}

/// Takes no gradients, so that a walk shows what it needs besides them.
private final class NoGradients: GradientSink {
  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
  ) {}
}
