extension Tape {
  /// Scaled dot-product attention of every sequence with itself, head by head (Vaswani et al.
  /// 2017): O = d(P) V with P = softmax(Q Kᵀ / √D) by rows; d is dropout. Causal attention lets a
  /// token see those before it and itself only.
  ///
  /// - Shapes: queries, keys and values [T, H·D], head h in columns h·D ..< (h + 1)·D; O likewise.
  /// - Saves: Q, K, V and the log-sum-exp of each row [H, T]; in bf16 it computes with what it
  ///   saves. P is made again in the pullback, so memory grows with T, not T².
  /// - Cost: two products forward, five backward, per sequence and head; little more than half of
  ///   that where attention is causal and sequences are long.
  public func attention(
    queries: Variable, keys: Variable, values: Variable, heads: Int, isCausal: Bool = false,
    dropout probability: Double = 0
  ) -> Variable {
    let (partition, width) = (queries.partition, queries.value.shape.columns)
    let mask = nextDropout(probability: probability)
    let inputs = [queries, keys, values]
    func kernel(_ columns: [HeadColumns]) -> AttentionKernel {
      AttentionKernel(
        queries: columns[0], keys: columns[1], values: columns[2], width: width, heads: heads,
        isCausal: isCausal, partition: partition, mask: mask)
    }
    guard inputs.contains(where: { $0.needsGradient }) else {
      let result = kernel(inputs.map { HeadColumns(tensor: $0.value, first: 0) }).forward()
      return Variable(constant: result.output, partition: partition)
    }
    // From what is kept, so that the pullback makes the same probabilities again.
    let saved = inputs.map { SavedTensor($0.value, precision: precision) }
    let result = kernel(saved.map { HeadColumns(tensor: $0.value, first: 0) }).forward()
    return output(
      result.output, partition, when: true,
      Attention(
        inputs: inputs.map(\.node), saved: saved, kernelOf: kernel,
        logSumExp: result.logSumExp))
  }

  /// The same with queries, keys and values side by side in one tensor [T, 3·H·D], as one
  /// linear map makes them.
  public func attention(
    queriesKeysValues x: Variable, heads: Int, isCausal: Bool = false,
    dropout probability: Double = 0
  ) -> Variable {
    precondition(
      x.value.shape.columns % 3 == 0, "attention: queries, keys and values \(x.value.shape)")
    let (partition, width) = (x.partition, x.value.shape.columns / 3)
    let mask = nextDropout(probability: probability)
    func kernel(_ columns: [HeadColumns]) -> AttentionKernel {
      AttentionKernel(
        queries: columns[0], keys: columns[1], values: columns[2], width: width, heads: heads,
        isCausal: isCausal, partition: partition, mask: mask)
    }
    guard x.needsGradient else {
      let result = kernel(JointAttention.parts(of: x.value)).forward()
      return Variable(constant: result.output, partition: partition)
    }
    let saved = SavedTensor(x.value, precision: precision)
    let result = kernel(JointAttention.parts(of: saved.value)).forward()
    return output(
      result.output, partition, when: true,
      JointAttention(
        input: x.node, saved: saved, kernelOf: kernel, logSumExp: result.logSumExp))
  }
}

private struct Attention: Operation {
  static let name = "attention"
  /// Of queries, keys and values.
  let inputs: [Node?]
  /// Queries, keys and values.
  let saved: [SavedTensor]
  let kernelOf: ([HeadColumns]) -> AttentionKernel
  let logSumExp: Tensor

  private var kernel: AttentionKernel {
    kernelOf(saved.map { HeadColumns(tensor: $0.value, first: 0) })
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let kernel = kernel
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
    walk.add(queryGradient, to: inputs[0])
    walk.add(keyGradient, to: inputs[1])
    walk.add(valueGradient, to: inputs[2])
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = inputs.map { walk.tangent(of: $0) }
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    let kernel = kernel
    let still = Tensor(zeros: [kernel.partition.rowCount, kernel.width])
    let columns = tangents.map { HeadColumns(tensor: $0 ?? still, first: 0) }
    return kernel.tangent(
      queries: columns[0], keys: columns[1], values: columns[2], logSumExp: logSumExp)
  }
}

private struct JointAttention: Operation {
  static let name = "jointAttention"
  let input: Node?
  let saved: SavedTensor
  let kernelOf: ([HeadColumns]) -> AttentionKernel
  let logSumExp: Tensor

  private var kernel: AttentionKernel { kernelOf(Self.parts(of: saved.value)) }

  /// Queries, keys and values.
  static func parts(of x: Tensor) -> [HeadColumns] {
    let width = x.shape.columns / 3
    return (0..<3).map { HeadColumns(tensor: x, first: $0 * width) }
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let kernel = kernel
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
      let kernel = kernel
      let parts = Self.parts(of: tangent)
      return kernel.tangent(
        queries: parts[0], keys: parts[1], values: parts[2], logSumExp: logSumExp)
    }
  }
}
