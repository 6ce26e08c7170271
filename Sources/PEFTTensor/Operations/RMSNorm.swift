extension Tape {
  /// y = γ ∘ x̂ with s = x + r and x̂ = s / √(mean s² + ε) over the last axis: a layer norm that
  /// neither centres nor shifts (Zhang & Sennrich 2019).
  ///
  /// - Shapes: x and the optional residual r [T, n], γ [n], y [T, n].
  /// - Saves: x̂ [T, n] and 1/√(mean s² + ε) [T].
  /// - Cost: two passes over a row that stays in cache.
  /// - Accuracy: squares are summed in Float32, so elements must be below 1.8e19; errors are a few
  ///   units in the last place of each element.
  public func rmsNorm(
    _ x: Variable, residual: Variable? = nil, scale: Parameter, epsilon: Double
  ) -> Variable {
    let isNeeded = x.needsGradient || residual?.needsGradient == true || scale.wantsGradient
    let (y, normalization) = RowKernels.rmsNorm(
      x.value, residual: residual?.value, scale: scale.value, epsilon: Float(epsilon),
      saving: isNeeded)
    guard let normalization else { return Variable(constant: y, partition: x.partition) }
    let saved = SavedNormalization(normalization, precision: precision)
    let scaleValue = scale.value
    return output(
      y, x.partition, when: true,
      // The tangent of the output along γ is bit for bit the output of the forward pass.
      remaking: {
        RowKernels.rmsNormTangent(
          nil, saved: saved.value, scale: scaleValue, scaleDirection: scaleValue)
      },
      RMSNorm(
        input: x.node, residual: residual?.node, scale: scale, saved: saved,
        partition: x.partition))
  }
}

private struct RMSNorm: Operation {
  static let name = "rmsNorm"
  let input: Node?
  let residual: Node?
  let scale: Parameter
  let saved: SavedNormalization
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let saved = saved.value
    walk.deliver(
      .productSum(upstream: cotangent, normalized: saved.normalized), of: scale,
      partition: partition)
    guard input != nil || residual != nil else { return }
    let gradient = RowKernels.rmsNormPullback(cotangent, saved: saved, scale: scale.value)
    walk.add(gradient, to: input)
    walk.add(gradient, to: residual)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input)
    if let other = walk.tangent(of: residual) {
      sum?.add(other)
      sum = sum ?? other
    }
    let direction = walk.direction(of: scale)
    guard sum != nil || direction != nil else { return nil }
    return RowKernels.rmsNormTangent(
      sum, saved: saved.value, scale: scale.value, scaleDirection: direction)
  }
}
