extension Tape {
  /// y = γ ∘ x̂ with s = x + r and x̂ = s / √(mean s² + ε) over the last axis: a layer norm that
  /// neither centres nor shifts (Zhang & Sennrich 2019). With several heads, each head of a row is
  /// normalised by itself, and all are scaled by the same γ (Henry et al. 2020).
  ///
  /// - Shapes: x and the optional residual r [T, H·n], γ [n], y [T, H·n], with H = `heads`.
  /// - Saves: x̂ [T, H·n] and 1/√(mean s² + ε) [T·H].
  /// - Cost: two passes over a row that stays in cache.
  /// - Accuracy: squares are summed in Float32, so elements must be below 1.8e19; errors are a few
  ///   units in the last place of each element.
  public func rmsNorm(
    _ x: Variable, residual: Variable? = nil, scale: Parameter, heads: Int = 1, epsilon: Double
  ) -> Variable {
    let isNeeded = x.needsGradient || residual?.needsGradient == true || scale.wantsGradient
    let shape = x.value.shape
    precondition(
      heads > 0 && shape.columns == heads * scale.count
        && (residual?.value.shape ?? shape) == shape,
      "rmsNorm: input \(shape), residual \(residual?.value.shape ?? shape), scale \(scale.shape), "
        + "\(heads) heads")
    let headShape: Shape = [shape.rows * heads, scale.count]
    let (y, normalization) = RowKernels.rmsNorm(
      x.value.reshaped(to: headShape), residual: residual?.value.reshaped(to: headShape),
      scale: scale.value, epsilon: Float(epsilon), saving: isNeeded)
    guard let normalization else {
      return Variable(constant: y.reshaped(to: shape), partition: x.partition)
    }
    let saved = SavedNormalization(normalization, precision: precision)
    let scaleValue = scale.value
    return output(
      y.reshaped(to: shape), x.partition, when: true,
      // The tangent of the output along γ is bit for bit the output of the forward pass.
      remaking: {
        RowKernels.rmsNormTangent(
          nil, saved: saved.value, scale: scaleValue, scaleDirection: scaleValue
        ).reshaped(to: shape)
      },
      RMSNorm(
        input: x.node, residual: residual?.node, scale: scale, saved: saved, shape: shape,
        partition: heads == 1 ? x.partition : x.partition.repeatingRows(heads)))
  }
}

private struct RMSNorm: Operation {
  static let name = "rmsNorm"
  let input: Node?
  let residual: Node?
  let scale: Parameter
  let saved: SavedNormalization
  /// The shape of the output, [T, H·n].
  let shape: Shape
  /// The heads of each example, as rows.
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let saved = saved.value
    let cotangent = cotangent.reshaped(to: saved.normalized.shape)
    walk.deliver(
      .productSum(upstream: cotangent, normalized: saved.normalized), of: scale,
      partition: partition)
    guard input != nil || residual != nil else { return }
    let gradient = RowKernels.rmsNormPullback(cotangent, saved: saved, scale: scale.value)
      .reshaped(to: shape)
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
    let saved = saved.value
    return RowKernels.rmsNormTangent(
      sum?.reshaped(to: saved.normalized.shape), saved: saved, scale: scale.value,
      scaleDirection: direction
    ).reshaped(to: shape)
  }
}
