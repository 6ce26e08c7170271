extension Tape {
  /// Scaled dot-product attention of every sequence with itself, head by head (Vaswani et al. 2017):
  /// O = d(P) V with P = softmax(Q Kᵀ / √D) by rows; d is dropout.
  ///
  /// - Shapes: queries, keys and values [T, H·D], head h in columns h·D ..< (h + 1)·D; O likewise.
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]. P is made again in the pullback, so
  ///   memory grows with T, not T².
  /// - Cost: two products forward, five backward, per sequence and head.
  public func attention(
    queries: Variable, keys: Variable, values: Variable, heads: Int,
    dropout probability: Double = 0
  ) -> Variable {
    let mask = nextDropout(probability: probability)
    let kernel = AttentionKernel(
      queries: queries.value, keys: keys.value, values: values.value, heads: heads,
      partition: queries.partition, mask: mask)
    let isNeeded = [queries, keys, values].contains { $0.needsGradient }
    let result = kernel.forward()
    return output(
      result.output, queries.partition, when: isNeeded,
      Attention(
        queries: queries.node, keys: keys.node, values: values.node, kernel: kernel,
        logSumExp: result.logSumExp))
  }
}

private struct Attention: Operation {
  static let name = "attention"
  let queries: Node?
  let keys: Node?
  let values: Node?
  let kernel: AttentionKernel
  let logSumExp: Tensor

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let gradients = kernel.pullBack(cotangent, logSumExp: logSumExp)
    walk.add(gradients.queries, to: queries)
    walk.add(gradients.keys, to: keys)
    walk.add(gradients.values, to: values)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = [queries, keys, values].map { walk.tangent(of: $0) }
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    let still = Tensor(zeros: kernel.queries.shape)
    return kernel.tangent(
      queries: tangents[0] ?? still, keys: tangents[1] ?? still, values: tangents[2] ?? still,
      logSumExp: logSumExp)
  }
}
