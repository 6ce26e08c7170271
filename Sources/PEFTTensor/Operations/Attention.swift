extension Tape {
  /// Scaled dot-product self-attention of every sequence, head by head (Vaswani et al. 2017):
  /// O = d(P) V with P = softmax(Q Kᵀ / √D) by rows, where d is dropout. With causal attention, a
  /// token attends only to itself and to earlier tokens.
  ///
  /// With fewer key and value heads than query heads, H_kv < H, every H / H_kv adjacent query heads
  /// share one key and value head: grouped-query attention (Ainslie et al. 2023).
  ///
  /// - Shapes: queries [T, H·D], head h in columns h·D ..< (h + 1)·D; keys and values [T, H_kv·D];
  ///   O [T, H·D].
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]. In bf16, the forward pass also
  ///   computes with the rounded copies that it saves. The pullback recomputes P, so memory grows
  ///   with T, not T².
  /// - Cost: two products forward and five backward, for each sequence and query head; little more
  ///   than half of that if attention is causal and sequences are long.
  /// - Parameter keyValueHeads: H_kv, which divides H = `heads`; nil means H.
  public func attention(
    queries: Variable, keys: Variable, values: Variable, heads: Int, keyValueHeads: Int? = nil,
    isCausal: Bool = false, dropout probability: Double = 0
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
      isCausal: isCausal, dropout: probability)
  }

  /// Attention with queries, keys and values side by side in one tensor [T, (H + 2·H_kv)·D], the
  /// output of a single linear map.
  public func attention(
    queriesKeysValues x: Variable, heads: Int, keyValueHeads: Int? = nil, isCausal: Bool = false,
    dropout probability: Double = 0
  ) -> Variable {
    let keyValueHeads = keyValueHeads ?? heads
    let all = heads + 2 * keyValueHeads
    precondition(
      heads > 0 && keyValueHeads > 0 && x.value.shape.columns % all == 0,
      "attention: queries, keys and values \(x.value.shape), \(heads) heads, \(keyValueHeads) of keys "
        + "and values")
    return attention(
      [x], heads: heads, keyValueHeads: keyValueHeads, headWidth: x.value.shape.columns / all,
      isCausal: isCausal, dropout: probability)
  }

  private func attention(
    _ inputs: [Variable], heads: Int, keyValueHeads: Int, headWidth: Int, isCausal: Bool,
    dropout probability: Double
  ) -> Variable {
    let partition = inputs[0].partition
    let mask = nextDropout(probability: probability)
    func kernel(_ tensors: [Tensor]) -> AttentionKernel {
      AttentionKernel(
        tensors, heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth,
        isCausal: isCausal, partition: partition, mask: mask)
    }
    guard inputs.contains(where: { $0.needsGradient }) else {
      let result = kernel(inputs.map(\.value)).forward()
      return Variable(constant: result.output, partition: partition)
    }
    // Computed from the saved copies, so that the pullback recomputes the same probabilities.
    let saved = inputs.map { SavedTensor($0.value, precision: precision) }
    let result = kernel(saved.map(\.value)).forward()
    return output(
      result.output, partition, when: true,
      Attention(
        inputs: inputs.map(\.node), saved: saved, kernelOf: kernel,
        logSumExp: result.logSumExp))
  }
}

private struct Attention: Operation {
  static let name = "attention"
  /// The nodes of queries, keys and values, or of the one tensor that holds all three.
  let inputs: [Node?]
  /// The saved copies of these inputs.
  let saved: [SavedTensor]
  let kernelOf: ([Tensor]) -> AttentionKernel
  let logSumExp: Tensor

  private var kernel: AttentionKernel { kernelOf(saved.map(\.value)) }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let kernel = kernel
    let gradients = newTensors(saved.map(\.shape)) { gradients in
      kernel.pullBack(cotangent, logSumExp: logSumExp, into: gradients)
    }
    for (gradient, input) in zip(gradients, inputs) { walk.add(gradient, to: input) }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = inputs.map { walk.tangent(of: $0) }
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    let all = zip(tangents, saved).map { $0 ?? Tensor(zeros: $1.shape) }
    return kernel.tangent(all, logSumExp: logSumExp)
  }
}
