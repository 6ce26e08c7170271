extension Tape {
  /// Scaled dot-product attention of every sequence with itself, head by head (Vaswani et al. 2017):
  /// O = d(P) V with P = softmax(Q Kᵀ / √D) by rows; d is dropout. Causal attention lets a token see
  /// those before it and itself only.
  ///
  /// - Shapes: queries, keys and values [T, H·D], head h in columns h·D ..< (h + 1)·D; O likewise.
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]. P is made again in the pullback, so
  ///   memory grows with T, not T².
  /// - Cost: two products forward, five backward, per sequence and head; little more than half of that
  ///   where attention is causal and sequences are long.
  public func attention(
    queries: Variable, keys: Variable, values: Variable, heads: Int, isCausal: Bool = false,
    dropout probability: Double = 0
  ) -> Variable {
    let kernel = AttentionKernel(
      queries: HeadColumns(tensor: queries.value, first: 0),
      keys: HeadColumns(tensor: keys.value, first: 0),
      values: HeadColumns(tensor: values.value, first: 0),
      width: queries.value.shape.columns, heads: heads, isCausal: isCausal,
      partition: queries.partition, mask: nextDropout(probability: probability))
    let isNeeded = [queries, keys, values].contains { $0.needsGradient }
    let result = kernel.forward()
    return output(
      result.output, queries.partition, when: isNeeded,
      Attention(
        queries: queries.node, keys: keys.node, values: values.node, kernel: kernel,
        logSumExp: result.logSumExp))
  }

  /// The same with queries, keys and values side by side in one tensor [T, 3·H·D], as one linear map
  /// makes them.
  public func attention(
    queriesKeysValues x: Variable, heads: Int, isCausal: Bool = false,
    dropout probability: Double = 0
  ) -> Variable {
    precondition(
      x.value.shape.columns % 3 == 0, "attention: queries, keys and values \(x.value.shape)")
    let parts = JointAttention.parts(of: x.value)
    let kernel = AttentionKernel(
      queries: parts[0], keys: parts[1], values: parts[2], width: x.value.shape.columns / 3,
      heads: heads, isCausal: isCausal, partition: x.partition,
      mask: nextDropout(probability: probability))
    let result = kernel.forward()
    return output(
      result.output, x.partition, when: x.needsGradient,
      JointAttention(input: x.node, kernel: kernel, logSumExp: result.logSumExp))
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
    let (shape, width) = (cotangent.shape, kernel.width)
    var valueGradient = Tensor(uninitialized: [0])
    let (queryGradient, keyGradient) = newTensors(shape, shape) { queryGradient, keyGradient in
      valueGradient = Tensor(writing: shape) { valueGradient in
        kernel.pullBack(
          cotangent, logSumExp: logSumExp,
          queries: AttentionKernel.MutableMatrix(queryGradient, stride: width),
          keys: AttentionKernel.MutableMatrix(keyGradient, stride: width),
          values: AttentionKernel.MutableMatrix(valueGradient, stride: width))
      }
    }
    walk.add(queryGradient, to: queries)
    walk.add(keyGradient, to: keys)
    walk.add(valueGradient, to: values)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = [queries, keys, values].map { walk.tangent(of: $0) }
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    let still = Tensor(zeros: [kernel.partition.rowCount, kernel.width])
    let columns = tangents.map { HeadColumns(tensor: $0 ?? still, first: 0) }
    return kernel.tangent(
      queries: columns[0], keys: columns[1], values: columns[2], logSumExp: logSumExp)
  }
}

private struct JointAttention: Operation {
  static let name = "jointAttention"
  let input: Node?
  let kernel: AttentionKernel
  let logSumExp: Tensor

  /// Queries, keys and values.
  static func parts(of x: Tensor) -> [HeadColumns] {
    let width = x.shape.columns / 3
    return (0..<3).map { HeadColumns(tensor: x, first: $0 * width) }
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let width = kernel.width
    let gradient = Tensor(writing: [kernel.partition.rowCount, 3 * width]) { gradient in
      let parts = (0..<3).map {
        AttentionKernel.MutableMatrix(gradient + $0 * width, stride: 3 * width)
      }
      kernel.pullBack(
        cotangent, logSumExp: logSumExp, queries: parts[0], keys: parts[1], values: parts[2])
    }
    walk.add(gradient, to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { tangent in
      let parts = Self.parts(of: tangent)
      return kernel.tangent(
        queries: parts[0], keys: parts[1], values: parts[2], logSumExp: logSumExp)
    }
  }
}
