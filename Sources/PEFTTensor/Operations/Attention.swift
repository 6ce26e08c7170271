extension Tape {
  /// Scaled dot-product attention of every sequence with itself, head by head (Vaswani et al.
  /// 2017): O = d(P) V with P = softmax(Q Kᵀ / √D) by rows; d is dropout. Causal attention lets a
  /// token see those before it and itself only.
  ///
  /// With fewer heads of keys and values than of queries, H_kv < H, every H / H_kv neighbouring
  /// heads of queries share one of keys and values: grouped queries (Ainslie et al. 2023).
  ///
  /// - Shapes: queries [T, H·D], head h in columns h·D ..< (h + 1)·D; keys and values [T, H_kv·D];
  ///   O [T, H·D].
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]; in bf16 it computes with what it
  ///   saves. P is made again in the pullback, so memory grows with T, not T².
  /// - Cost: two products forward, five backward, per sequence and head of queries; little more
  ///   than half of that where attention is causal and sequences are long.
  /// - Parameter keyValueHeads: H_kv, which divides H = `heads`; nil is H.
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

  /// The same with queries, keys and values side by side in one tensor [T, (H + 2·H_kv)·D], as one
  /// linear map makes them.
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
    // From what is kept, so that the pullback makes the same probabilities again.
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
  /// Of queries, keys and values, or of the one tensor with all three.
  let inputs: [Node?]
  /// As many tensors.
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
