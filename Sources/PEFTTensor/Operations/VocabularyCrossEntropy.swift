extension Tape {
  /// L = mean_n −Σ_v t_nv log p_nv with p_n = softmax(W x_n + b) and
  /// t_n = (1 − ε) · one-hot(label_n) + ε / V.
  ///
  /// - Shapes: x [N, h], N labels in 0 ..< V.
  /// - Saves: x and the gradient with respect to it [N, h], and the log-sum-exp of each row [N].
  ///   Logits are computed one chunk of rows at a time; a chunk has at most 2²⁵ numbers, or one
  ///   row.
  /// - Cost: two products of N × V × h, or one if x needs no gradient. If W is trainable, the
  ///   pullback recomputes the logits and takes two more.
  /// - Accuracy: exponentials and their sums in Float32, losses from them in Double.
  public func crossEntropy(
    _ x: Variable, _ map: VocabularyMap, labels: [Int32], labelSmoothing: Double = 0
  ) -> Loss {
    let kernel = VocabularyKernel(
      rows: x.value, map: map, labels: labels, smoothing: labelSmoothing, precision: precision)
    let scale = 1 / Float(max(labels.count, 1))
    let result = kernel.losses(gradientScale: x.needsGradient ? scale : nil)
    let mean = result.losses.reduce(0, +) / Double(max(labels.count, 1))
    let variable = output(
      Tensor(repeating: Float(mean), shape: [1]), RowPartition(examples: 1),
      when: x.needsGradient || map.table.wantsGradient || map.bias?.wantsGradient == true,
      VocabularyCrossEntropy(
        input: x.node, gradient: result.gradient, kernel: kernel, map: map,
        logSumExp: result.logSumExp, partition: x.partition))
    return Loss(mean: mean, terms: result.losses, variable: variable)
  }

  /// Samples labels from p_n = softmax(W x_n + b): `samples` lists of N labels each. The labels of
  /// row n depend only on the generator and n.
  public func draw(
    _ samples: Int, from x: Variable, _ map: VocabularyMap, using generator: SeededGenerator
  ) -> [[Int32]] {
    VocabularyKernel(
      rows: x.value, map: map, labels: Array(repeating: 0, count: x.value.shape.rows), smoothing: 0
    ).draw(samples: samples, using: generator)
  }

  /// The first and second derivative of each row's loss, as `crossEntropy` defines it, when the
  /// logits change along `directions`.
  ///
  /// Returns the slope Σ_v (p − t) Δz and the curvature Δzᵀ (diag p − p pᵀ) Δz, N numbers each.
  public func crossEntropyMoments(
    _ x: Variable, _ map: VocabularyMap, labels: [Int32], labelSmoothing: Double = 0,
    along directions: [Parameter: Tensor]
  ) -> (slopes: [Double], curvatures: [Double]) {
    VocabularyKernel(
      rows: x.value, map: map, labels: labels, smoothing: labelSmoothing
    ).moments(
      rowTangent: x.needsGradient ? tangent(of: x, along: directions) : nil,
      tableDirection: directions[map.table],
      biasDirection: map.bias.flatMap { directions[$0] })
  }
}

private struct VocabularyCrossEntropy: Operation {
  static let name = "vocabularyCrossEntropy"
  let input: Node?
  let gradient: Tensor?
  let kernel: VocabularyKernel
  let map: VocabularyMap
  let logSumExp: [Float]
  let partition: RowPartition

  private var scale: Float { 1 / Float(max(kernel.labels.count, 1)) }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let factor = cotangent.scalar
    if let gradient { walk.add(gradient.scaled(by: factor), to: input) }
    guard map.table.wantsGradient || map.bias?.wantsGradient == true else { return }
    kernel.forGradients(factor * scale, logSumExp: logSumExp) { chunk, upstream in
      let part = partition.part(chunk)
      walk.deliver(
        .outerProduct(upstream: upstream, input: kernel.rows.rows(chunk), scale: 1), of: map.table,
        partition: part)
      walk.deliver(.rowSum(upstream: upstream), of: map.bias, partition: part)
    }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tableDirection = walk.direction(of: map.table)
    let biasDirection = walk.direction(of: map.bias)
    let moved = walk.tangent(of: input)
    guard moved != nil || tableDirection != nil || biasDirection != nil else { return nil }
    var change = 0.0
    if let moved, let gradient { change += gradient.dot(moved) }
    if tableDirection != nil || biasDirection != nil {
      let slopes = kernel.moments(
        rowTangent: nil, tableDirection: tableDirection, biasDirection: biasDirection
      ).slopes
      change += slopes.reduce(0, +) * Double(scale)
    }
    return Tensor(repeating: Float(change), shape: [1])
  }
}

extension RowPartition {
  /// The same examples, reduced to their rows in `range`.
  fileprivate func part(_ range: Range<Int>) -> RowPartition {
    RowPartition(lengths: (0..<exampleCount).map { self[$0].clamped(to: range).count })
  }
}
