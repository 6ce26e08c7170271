extension Tape {
  /// y = x Wᵀ + b + l ∘ ((k ∘ x Aᵀ) Bᵀ), a linear map with a delta diag(l) B diag(k) A of trainable
  /// vectors around constant projections (VeRA, Kopiczko et al. 2024). W plus delta is never
  /// formed.
  ///
  /// - Shapes: x [T, in], `weight` [out, in], `bias` [out], `down` A [R, in], `innerScale` k [R],
  ///   `up` B [out, R], `outerScale` l [out], y [T, out].
  /// - Saves: x if the weight is trainable, unless x can be recomputed; x Aᵀ [T, R] if k or l is.
  /// - Cost: that of the linear map plus products of rank R in fp32: two forward, and one more for
  ///   each of dx and dl.
  public func scaledProjectionLinear(
    _ x: Variable, weight: Parameter, bias: Parameter?, down: Tensor, innerScale: Parameter,
    up: Tensor, outerScale: Parameter
  ) -> Variable {
    let inner = MatrixProduct.forward(x.value, weight: down)
    let y = MatrixProduct.forward(
      x.value, weight: weight, bias: bias, precision: precision, adding: inner,
      times: ScaledProjectionLinear.factor(up, innerScale.value, outerScale.value), scale: 1)
    let keepsInner = innerScale.wantsGradient || outerScale.wantsGradient
    let isNeeded =
      x.needsGradient || keepsInner || [weight, bias].contains { $0?.wantsGradient == true }
    return output(
      y, x.partition, when: isNeeded,
      ScaledProjectionLinear(
        input: x.node, saved: weight.wantsGradient ? x.saved.keeping(precision) : nil,
        inner: keepsInner ? inner : nil, weight: weight, bias: bias, down: down,
        innerScale: innerScale, up: up, outerScale: outerScale, partition: x.partition,
        precision: precision))
  }
}

private struct ScaledProjectionLinear: Operation {
  static let name = "scaledProjectionLinear"
  let input: Node?
  let saved: SavedInput?
  let inner: Tensor?
  let weight: Parameter
  let bias: Parameter?
  let down: Tensor
  let innerScale: Parameter
  let up: Tensor
  let outerScale: Parameter
  let partition: RowPartition
  let precision: Precision

  /// diag(l) B diag(k), [out, R].
  static func factor(_ up: Tensor, _ inner: Tensor, _ outer: Tensor) -> Tensor {
    var factor = RowKernels.scaledColumns(up, by: inner)
    factor.scaleRows(by: outer)
    return factor
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { input in
      walk.deliver(
        .outerProduct(upstream: cotangent, input: input, scale: 1), of: weight,
        partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: bias, partition: partition)
    if let inner {
      walk.deliver(
        .productSum(
          upstream: cotangent,
          normalized: MatrixProduct.forward(
            RowKernels.scaledColumns(inner, by: innerScale.value), weight: up)),
        of: outerScale, partition: partition)
    }
    guard inner != nil || input != nil else { return }
    var outerFactor = up
    outerFactor.scaleRows(by: outerScale.value)
    let upstream = MatrixProduct.inputGradient(cotangent, weight: outerFactor)
    if let inner {
      walk.deliver(
        .productSum(upstream: upstream, normalized: inner), of: innerScale, partition: partition)
    }
    guard input != nil else { return }
    walk.add(
      MatrixProduct.inputGradient(
        cotangent, weight: weight, precision: precision,
        adding: RowKernels.scaledColumns(upstream, by: innerScale.value), times: down),
      to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let incoming = walk.tangent(of: input)
    var sum = incoming.map {
      MatrixProduct.forward($0, weight: weight, bias: nil, precision: .fp32)
    }
    if let saved = saved?.value, let direction = walk.direction(of: weight) {
      sum = MatrixProduct.forward(saved, weight: direction, addingTo: sum)
    }
    let factor = Self.factor(up, innerScale.value, outerScale.value)
    if let incoming {
      sum = MatrixProduct.forward(
        MatrixProduct.forward(incoming, weight: down), weight: factor, addingTo: sum)
    }
    if let inner, let direction = walk.direction(of: innerScale) {
      sum = MatrixProduct.forward(
        inner, weight: Self.factor(up, direction, outerScale.value), addingTo: sum)
    }
    if let inner, let direction = walk.direction(of: outerScale) {
      sum = MatrixProduct.forward(
        inner, weight: Self.factor(up, innerScale.value, direction), addingTo: sum)
    }
    if let direction = walk.direction(of: bias) {
      var total = sum ?? Tensor(zeros: [partition.rowCount, weight.shape.rows])
      total.addToRows(direction)
      sum = total
    }
    return sum
  }
}
