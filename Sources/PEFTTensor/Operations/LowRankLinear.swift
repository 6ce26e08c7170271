extension Tape {
  /// y = x Wᵀ + b + s · d(x) Aᵀ Bᵀ, a linear map with a low-rank delta (LoRA, Hu et al. 2021),
  /// where d is dropout. W + s B A is never formed. With `start`, whose factors A₀ and B₀ are
  /// constants, − s x A₀ᵀ B₀ᵀ is added.
  ///
  /// - Shapes: x [T, in], `weight` [out, in], `bias` [out], `down` A [R, in], `up` B [out, R],
  ///   A₀ and B₀ as A and B, y [T, out].
  /// - Saves: x if A or the weight is trainable, unless x can be recomputed; d(x)Aᵀ [T, R] if B is
  ///   trainable.
  /// - Cost: that of the linear map plus thin products of rank R in fp32. The pullback regenerates
  ///   the dropout mask instead of storing it.
  public func lowRankLinear(
    _ x: Variable, weight: Parameter, bias: Parameter?, down: Parameter, up: Parameter,
    scale: Double, dropout probability: Double = 0, minus start: (down: Tensor, up: Tensor)? = nil
  ) -> Variable {
    let mask = nextDropout(of: x.value.shape, probability: probability)
    let dropped = mask?.applied(to: x.value) ?? x.value
    let inner = MatrixProduct.forward(dropped, weight: down.value)
    var y = MatrixProduct.forward(
      x.value, weight: weight, bias: bias, precision: precision, adding: inner, times: up.value,
      scale: Float(scale))
    if let start {
      y = MatrixProduct.forward(
        MatrixProduct.forward(x.value, weight: start.down), weight: start.up,
        scale: -Float(scale), addingTo: consume y)
    }
    let isNeeded =
      x.needsGradient
      || [weight, bias, down, up].contains { $0?.wantsGradient == true }
    return output(
      y, x.partition, when: isNeeded,
      LowRankLinear(
        input: x.node,
        saved: weight.wantsGradient || down.wantsGradient ? x.saved.keeping(precision) : nil,
        inner: up.wantsGradient ? inner : nil, weight: weight, bias: bias, down: down, up: up,
        start: start, scale: Float(scale), mask: mask, partition: x.partition,
        precision: precision))
  }
}

private struct LowRankLinear: Operation {
  static let name = "lowRankLinear"
  let input: Node?
  let saved: SavedInput?
  let inner: Tensor?
  let weight: Parameter
  let bias: Parameter?
  let down: Parameter
  let up: Parameter
  let start: (down: Tensor, up: Tensor)?
  let scale: Float
  let mask: DropoutMask?
  let partition: RowPartition
  let precision: Precision

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    if let inner {
      walk.deliver(
        .outerProduct(upstream: cotangent, input: inner, scale: scale), of: up,
        partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: bias, partition: partition)
    let inner = MatrixProduct.inputGradient(cotangent, weight: up.value, scale: scale)
    saved?.take { input in
      walk.deliver(
        .outerProduct(upstream: inner, input: mask?.applied(to: input) ?? input, scale: 1),
        of: down, partition: partition)
      walk.deliver(
        .outerProduct(upstream: cotangent, input: input, scale: 1), of: weight,
        partition: partition)
    }
    guard input != nil else { return }
    if let start {
      walk.add(
        MatrixProduct.inputGradient(
          MatrixProduct.inputGradient(cotangent, weight: start.up, scale: -scale),
          weight: start.down), to: input)
    }
    guard let mask else {
      walk.add(
        MatrixProduct.inputGradient(
          cotangent, weight: weight, precision: precision, adding: inner, times: down.value),
        to: input)
      return
    }
    walk.add(
      MatrixProduct.inputGradient(cotangent, weight: weight, precision: precision), to: input)
    walk.add(mask.applied(to: MatrixProduct.inputGradient(inner, weight: down.value)), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let incoming = walk.tangent(of: input)
    var sum = incoming.map {
      MatrixProduct.forward($0, weight: weight, bias: nil, precision: .fp32)
    }
    var innerTangent = incoming.map {
      MatrixProduct.forward(mask?.applied(to: $0) ?? $0, weight: down.value)
    }
    if let start, let incoming {
      sum = MatrixProduct.forward(
        MatrixProduct.forward(incoming, weight: start.down), weight: start.up, scale: -scale,
        addingTo: sum)
    }
    if let saved = saved?.value, let direction = walk.direction(of: weight) {
      sum = MatrixProduct.forward(saved, weight: direction, addingTo: sum)
    }
    if let saved = saved?.value, let direction = walk.direction(of: down) {
      innerTangent = MatrixProduct.forward(
        mask?.applied(to: saved) ?? saved, weight: direction, addingTo: innerTangent)
    }
    if let innerTangent {
      sum = MatrixProduct.forward(innerTangent, weight: up.value, scale: scale, addingTo: sum)
    }
    if let inner, let direction = walk.direction(of: up) {
      sum = MatrixProduct.forward(inner, weight: direction, scale: scale, addingTo: sum)
    }
    if let direction = walk.direction(of: bias) {
      var total = sum ?? Tensor(zeros: [partition.rowCount, weight.shape.rows])
      total.addToRows(direction)
      sum = total
    }
    return sum
  }
}
