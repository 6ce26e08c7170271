/// A loss, averaged over the examples or the tokens of a batch.
public struct Loss {
  /// The mean loss, summed in Double.
  public let mean: Double
  /// The losses that are averaged: one for each example, or for each predicted token.
  public let terms: [Double]
  /// The mean as a tensor [1], from which passes can start.
  public let variable: Variable
}

extension Tape {
  /// L = mean_i ℓ_i with the ℓ of a `LossShape`; for a plain one −log softmax(z_i)_label.
  ///
  /// - Shapes: `logits` z [B, C]; B labels in 0 ..< C.
  /// - Saves: (a p − τ) / B [B, C] if `logits` need a gradient.
  /// - Accuracy: exponentials and sums in Double.
  public func softmaxCrossEntropy(
    _ logits: Variable, labels: [Int], shape: LossShape = .plain
  ) -> Loss {
    precondition(
      labels.count == logits.value.shape.rows
        && labels.allSatisfy { (0..<logits.value.shape.columns).contains($0) },
      "softmaxCrossEntropy: \(labels.count) labels for logits \(logits.value.shape)")
    guard logits.needsGradient else {
      let losses = LossKernels.softmaxCrossEntropy(
        logits.value, labels: labels, shape: shape, writing: nil)
      return loss(losses, gradient: Tensor(zeros: [1]), of: logits)
    }
    let (losses, gradient) = LossKernels.softmaxCrossEntropy(
      logits.value, labels: labels, shape: shape)
    return loss(losses, gradient: gradient, of: logits)
  }

  /// L = mean_i mean_c −t_ic log σ(z_ic) − (1 − t_ic) log(1 − σ(z_ic)) with t_ic = 1 − ε / 2 for
  /// the labels of row i and ε / 2 for the others.
  ///
  /// - Shapes: `logits` z [B, C]; `labels` has for each row the indices in 0 ..< C of its labels.
  /// - Saves: (σ(z) − t) / (B C) [B, C].
  /// - Accuracy: exponentials and sums in Double.
  public func sigmoidCrossEntropy(
    _ logits: Variable, labels: [[Int]], labelSmoothing: Double = 0
  ) -> Loss {
    precondition(
      labels.count == logits.value.shape.rows
        && labels.joined().allSatisfy { (0..<logits.value.shape.columns).contains($0) },
      "sigmoidCrossEntropy: \(labels.count) sets of labels for logits \(logits.value.shape)")
    let (losses, gradient) = LossKernels.sigmoidCrossEntropy(
      logits.value, labels: labels, smoothing: labelSmoothing)
    return loss(losses, gradient: gradient, of: logits)
  }

  /// L = mean_i (z_i − t_i)².
  ///
  /// - Shapes: `predictions` z [B, 1]; B targets.
  /// - Saves: 2 (z − t) / B [B, 1].
  public func meanSquaredError(_ predictions: Variable, targets: [Double]) -> Loss {
    precondition(
      predictions.value.count == targets.count,
      "meanSquaredError: \(targets.count) targets for predictions \(predictions.value.shape)")
    let (losses, gradient) = LossKernels.meanSquaredError(predictions.value, targets: targets)
    return loss(losses, gradient: gradient, of: predictions)
  }

  private func loss(_ losses: [Double], gradient: Tensor, of logits: Variable) -> Loss {
    let mean = losses.reduce(0, +) / Double(max(losses.count, 1))
    let variable = output(
      Tensor(repeating: Float(mean), shape: [1]), RowPartition(examples: 1),
      when: logits.needsGradient, MeanLoss(input: logits.node, gradient: gradient))
    return Loss(mean: mean, terms: losses, variable: variable)
  }
}

/// A scalar function of the logits, represented by its gradient.
private struct MeanLoss: Operation {
  static let name = "meanLoss"
  let input: Node?
  let gradient: Tensor

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(gradient.scaled(by: cotangent.scalar), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { tangent in
      Tensor(repeating: Float(gradient.dot(tangent)), shape: [1])
    }
  }
}
