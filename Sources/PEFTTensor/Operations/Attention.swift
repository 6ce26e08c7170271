extension Tape {
  /// Scaled dot-product self-attention of every sequence, head by head (Vaswani et al. 2017):
  /// O = d(P) V with P = softmax(Q Kᵀ / √D) by rows, where d is dropout. With causal attention, a
  /// token attends only to itself and to earlier tokens.
  ///
  /// With fewer key and value heads than query heads, H_kv < H, every H / H_kv adjacent query heads
  /// share one key and value head: grouped-query attention (Ainslie et al. 2023).
  ///
  /// With a `window` W, a token attends only to tokens at most W places away.
  ///
  /// With a `bias`, P = softmax(Q Kᵀ / √D + B) with B_ij = `table[row(j − i), h]` in head h.
  ///
  /// - Shapes: queries [T, H·D], head h in columns h·D ..< (h + 1)·D; keys and values [T, H_kv·D];
  ///   O [T, H·D]; the table of a bias [K, H].
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]. In bf16, the forward pass also
  ///   computes with the rounded copies that it saves. The pullback recomputes P, so memory grows
  ///   with T, not T².
  /// - Cost: two products forward and five backward, for each sequence and query head; little more
  ///   than half of that if attention is causal and sequences are long. With a window, the cost
  ///   grows with T·W.
  ///   The gradient of a bias takes K·H numbers for each sequence.
  /// - Parameter keyValueHeads: H_kv, which divides H = `heads`; nil means H.
  public func attention(
    queries: Variable, keys: Variable, values: Variable, heads: Int, keyValueHeads: Int? = nil,
    isCausal: Bool = false, window: Int? = nil, bias: RelativePositionBias? = nil,
    dropout probability: Double = 0
  ) -> Variable {
    let keyValueHeads = keyValueHeads ?? heads
    let inputs = [queries, keys, values]
    let shapes = inputs.map(\.value.shape)
    let headWidth = heads > 0 ? shapes[0].columns / heads : 0
    precondition(
      zip(shapes, [heads, keyValueHeads, keyValueHeads]).allSatisfy {
        $0.columns == $1 * headWidth
      },
      "attention: queries \(shapes[0]), keys \(shapes[1]), values \(shapes[2]), \(heads) heads, "
        + "\(keyValueHeads) of keys and values")
    return attention(
      inputs, heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth,
      isCausal: isCausal, window: window, bias: bias, dropout: probability)
  }

  /// Attention with queries, keys and values side by side in one tensor [T, (H + 2·H_kv)·D], the
  /// output of a single linear map.
  public func attention(
    queriesKeysValues x: Variable, heads: Int, keyValueHeads: Int? = nil, isCausal: Bool = false,
    bias: RelativePositionBias? = nil, dropout probability: Double = 0
  ) -> Variable {
    let keyValueHeads = keyValueHeads ?? heads
    let all = heads + 2 * keyValueHeads
    precondition(
      heads > 0 && keyValueHeads > 0 && x.value.shape.columns % all == 0,
      "attention: queries, keys and values \(x.value.shape), \(heads) heads, \(keyValueHeads) of keys "
        + "and values")
    return attention(
      [x], heads: heads, keyValueHeads: keyValueHeads, headWidth: x.value.shape.columns / all,
      isCausal: isCausal, window: nil, bias: bias, dropout: probability)
  }

  private func attention(
    _ inputs: [Variable], heads: Int, keyValueHeads: Int, headWidth: Int, isCausal: Bool,
    window: Int?, bias: RelativePositionBias?, dropout probability: Double
  ) -> Variable {
    let partition = inputs[0].partition
    let mask = nextAttentionDropout(heads: heads, probability: probability)
    let table = bias?.table
    precondition(
      table.map { $0.shape.columns == heads } ?? true,
      "attention: position biases \(table?.shape ?? []) for \(heads) heads")
    precondition(window ?? 0 >= 0, "attention: a window of \(window ?? 0) tokens")
    if skipsNonlinearities {
      return scoredValues(
        inputs, heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth, bias: bias)
    }
    let lookup = bias?.lookup(for: partition)
    func kernel(_ tensors: [Tensor]) -> AttentionKernel {
      AttentionKernel(
        tensors, heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth,
        isCausal: isCausal, window: window, partition: partition, mask: mask, lookup: lookup)
    }
    guard inputs.contains(where: { $0.needsGradient }) || table?.wantsGradient == true else {
      let result = kernel(inputs.map(\.value)).forward(biases: table?.value)
      return Variable(constant: result.output, partition: partition)
    }
    // Computed from the saved copies, so that the pullback recomputes the same probabilities.
    let saved = inputs.map { SavedTensor($0.value, precision: precision) }
    let result = kernel(saved.map(\.value)).forward(biases: table?.value)
    return output(
      result.output, partition, when: true,
      Attention(
        inputs: inputs.map(\.node), saved: saved, biases: table, kernelOf: kernel,
        logSumExp: result.logSumExp))
  }
}

private struct Attention: Operation {
  static let name = "attention"
  /// The nodes of queries, keys and values, or of the one tensor that holds all three.
  let inputs: [Node?]
  /// The saved copies of these inputs.
  let saved: [SavedTensor]
  /// The position biases [K, H]; nil if there are none.
  let biases: Parameter?
  let kernelOf: ([Tensor]) -> AttentionKernel
  let logSumExp: Tensor

  private var kernel: AttentionKernel { kernelOf(saved.map(\.value)) }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let kernel = kernel
    let moving = biases.flatMap { $0.wantsGradient ? $0 : nil }
    let ofBiases = moving.map { Shape([kernel.partition.exampleCount, $0.count]) }
    let gradients = newTensors(saved.map(\.shape) + [ofBiases].compactMap(\.self)) { gradients in
      kernel.pullBack(
        cotangent, logSumExp: logSumExp, biases: biases?.value,
        into: Array(gradients.prefix(saved.count)),
        biasGradients: moving == nil ? nil : gradients[saved.count])
    }
    for (gradient, input) in zip(gradients, inputs) { walk.add(gradient, to: input) }
    if let moving {
      walk.deliver(
        .examples(gradients[saved.count], columns: kernel.heads), of: moving,
        partition: kernel.partition)
    }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = inputs.map { walk.tangent(of: $0) }
    let direction = walk.direction(of: biases)
    guard tangents.contains(where: { $0 != nil }) || direction != nil else { return nil }
    let all = zip(tangents, saved).map { $0 ?? Tensor(zeros: $1.shape) }
    return kernel.tangent(
      all, logSumExp: logSumExp, biases: biases?.value, biasTangent: direction)
  }
}
