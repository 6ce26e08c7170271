import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain

extension PreparedJob {
  /// Has the values of `parameters` in memory once for the processes of a machine, which all make
  /// this call. In bf16 nothing is done: frozen matrices are packed then.
  package func shareValues(
    of parameters: [Parameter], precision: Precision, over collective: any Collective
  ) throws {
    guard precision == .fp32 else { return }
    _ = try parameters.shareValues(over: collective)
  }

  /// The factor on measured activations, to allow for fragmentation between buffers of different
  /// sizes.
  private static let activationMargin = 1.1
  /// Minimum batch sizes, in tokens, for measuring memory, if the data have that many: large enough
  /// that the rounding of buffers does not dominate, small enough that a run starts quickly.
  private static let measuredTokens = (step: 256, evaluation: 512)

  /// The memory of training with `settings`, for the parameters that are trainable now. Activations
  /// are measured on two small steps without an update.
  ///
  /// - Parameters:
  ///   - activity: the job, as the subject of a message.
  ///   - evaluates: whether the job evaluates its data and keeps the best parameters.
  ///   - remedy: how to reduce the memory.
  package func memoryForecast(
    of activity: String, settings: TrainingSettings, evaluates: Bool, remedy: String
  ) -> MemoryForecast {
    let processBytes = max(0, Processor.residentMemory - weightBytes - packedBytes)
    let loadedBytes = model.parameters.reduce(0) { $0 + $1.parameter.unpackedBytes }
    var memory = MemoryForecast(
      of: activity, heldBytes: processBytes + loadedBytes, remedy: remedy)
    memory[.process] = processBytes
    let batches = epochBatches(data: train, settings: settings, epoch: 0)
    let computed = computedBatches(data: train, settings: settings, epoch: 0)
    func largestLength(_ batches: [[Int]]) -> Int {
      batches.map { $0.reduce(0) { $0 + train.lengths[$1] } }.max() ?? 0
    }
    let (largest, largestComputed) = (largestLength(batches), largestLength(computed))
    let step = StepMeasurement(model: model, data: train, settings: settings)
    let batch = computed.first ?? []
    let short = first(Self.measuredTokens.step, of: train, batch)
    // At least two examples, so that they can be halved.
    let measured = short.count > 1 ? short : Array(batch.prefix(2))
    // Pack the matrices before measuring the activations; the packed matrices stay in memory and
    // would otherwise count as activations.
    if settings.precision == .bf16 { _ = step.bytes(measured) }
    // What trains, or by which a method chooses, will be in Float.
    let trainedBytes = model.parameters.map(\.parameter).reduce(0) {
      $1.wantsGradient ? $0 + 4 * $1.count - $1.valueBytes : $0
    }
    memory[.weights] = weightBytes + trainedBytes
    memory[.packedWeights] = packedBytes
    let words = wordsRead(
      batches.prefix(plannedSteps(data: train, settings: settings)), of: step)
    memory[.gradients] =
      settings.atomSums * gradientBytes(words: words.count, largest: largest)
    // The steps of a search have gradients of their own, and changes beside the values.
    if job.method.searchRounds > 0 { memory[.gradients] *= 2 }
    memory[.optimizer] = optimizerBytes(words: words, largest: largest)
    if evaluates, dev != nil { memory[.bestCopy] = 4 * counts.trainable }
    if job.reselector != nil {
      let modelBytes = 4 * model.parameterCount
      memory[.gradients] = max(memory[.gradients], modelBytes)
      (memory[.moments], memory[.direction]) = (2 * modelBytes, modelBytes)
    }
    let passes = Int(
      saturating: Double(step.bytes(measured, of: largestComputed)) * Self.activationMargin)
    // An evaluation has every matrix in unpacked form.
    let unpacked = loadedBytes + trainedBytes - memory[.weights] - memory[.packedWeights]
    memory[.activations] = max(
      passes, evaluates ? evaluationBytes().map { $0 + unpacked } ?? 0 : 0)
    return memory
  }

  private func evaluationBytes() -> Int? {
    let data = [dev, test].compactMap(\.self)
    guard let first = data.first else { return nil }
    return EvaluationMeasurement(model: model, data: data).bytes(
      self.first(Self.measuredTokens.evaluation, of: first, 0..<first.count))
  }

  /// The bytes of the gradients of a step. A table has gradients only for the rows that the step
  /// reads. Of a whole gradient by which the method chooses, other tensors may be needed as well.
  private func gradientBytes(words: Int, largest: Int) -> Int {
    let tensors = job.method.gradientBatches > 0 ? job.method.gradientStatistic.tensorCount : 1
    let elements = model.parameters.reduce(0) { sum, entry in
      let parameter = entry.parameter
      guard parameter.wantsGradient else { return sum }
      if tensors > 1, parameter.wantsWholeGradient { return sum + tensors * parameter.count }
      guard parameter.keepsOnlyReadRows(ofLookups: largest) else {
        return sum + parameter.gradientShape.count
      }
      let read = parameter == model.wordTable ? min(words, largest) : largest
      return sum + read * parameter.shape.columns
    }
    return MemoryLayout<Float>.stride * elements
  }

  /// The bytes of AdamW's moments. The word table has pages only for the words that the run reads.
  /// If a method chooses elements during training, all elements that it plans to train count.
  private func optimizerBytes(words: Set<Int32>, largest: Int) -> Int {
    let bytes = model.parameters.reduce(0) { sum, entry in
      let parameter = entry.parameter
      let isSparse =
        parameter == model.wordTable && parameter.hasStateOfReadRows
        && parameter.keepsOnlyReadRows(ofLookups: largest)
      return sum
        + (isSparse ? parameter.pageBytes(ofRows: words) : 4 * parameter.trainableCount)
    }
    return 2 * (bytes + 4 * max(0, counts.trainable - model.trainableCount))
  }

  /// The distinct tokens in batches.
  private func wordsRead(
    _ batches: some Sequence<[Int]>, of step: StepMeasurement
  ) -> Set<Int32> {
    batches.reduce(into: []) { words, indices in
      if let batch = step.batch(indices) { words.formUnion(batch.texts.ids) }
    }
  }

  private var weightBytes: Int { model.parameters.reduce(0) { $0 + $1.parameter.valueBytes } }

  private var packedBytes: Int { model.parameters.reduce(0) { $0 + $1.parameter.packedBytes } }

  /// The shortest prefix of `indices` whose examples have at least `count` tokens in total.
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
}
