extension Tape {
  /// y = γ ∘ x̂ + β with s = x + r and x̂ = (s − mean s) / √(var s + ε) over the last axis, using
  /// the biased variance (Ba et al. 2016).
  ///
  /// - Shapes: x and the optional residual r [T, n], γ and β [n], y [T, n].
  /// - Saves: x̂ [T, n] and 1/√(var s + ε) [T].
  /// - Cost: two passes over a row that stays in cache.
  /// - Accuracy: mean and variance are computed in two passes; errors are a few units in the last
  ///   place of the row's largest element.
  public func layerNorm(
    _ x: Variable, residual: Variable? = nil, scale: Parameter, shift: Parameter, epsilon: Double
  ) -> Variable {
    let isNeeded =
      x.needsGradient || residual?.needsGradient == true || scale.wantsGradient
      || shift.wantsGradient
    let (y, normalization) = RowKernels.layerNorm(
      x.value, residual: residual?.value, scale: scale.value, shift: shift.value,
      epsilon: Float(epsilon), saving: isNeeded)
    guard let normalization else { return Variable(constant: y, partition: x.partition) }
    let saved = SavedNormalization(normalization, precision: precision)
    let (scaleValue, shiftValue) = (scale.value, shift.value)
    return output(
      y, x.partition, when: true,
      remaking: { saved.value.output(scale: scaleValue, shift: shiftValue) },
      LayerNorm(
        input: x.node, residual: residual?.node, scale: scale, shift: shift, saved: saved,
        partition: x.partition))
  }
}

private struct LayerNorm: Operation {
  static let name = "layerNorm"
  let input: Node?
  let residual: Node?
  let scale: Parameter
  let shift: Parameter
  let saved: SavedNormalization
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let saved = saved.value
    walk.deliver(
      .productSum(upstream: cotangent, normalized: saved.normalized), of: scale,
      partition: partition)
    walk.deliver(.rowSum(upstream: cotangent), of: shift, partition: partition)
    guard input != nil || residual != nil else { return }
    let gradient = RowKernels.layerNormPullback(cotangent, saved: saved, scale: scale.value)
    walk.add(gradient, to: input)
    walk.add(gradient, to: residual)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input)
    if let other = walk.tangent(of: residual) {
      sum?.add(other)
      sum = sum ?? other
    }
    let scaleDirection = walk.direction(of: scale)
    let shiftDirection = walk.direction(of: shift)
    guard sum != nil || scaleDirection != nil || shiftDirection != nil else { return nil }
    return RowKernels.layerNormTangent(
      sum, saved: saved.value, scale: scale.value, scaleDirection: scaleDirection,
      shiftDirection: shiftDirection)
  }
}
