extension Tape {
  /// y = x Wᵀ + b + x Vᵀ Rᵀ Uᵀ, a linear map with a delta U R V of a small core R between constant
  /// frames (LoRA-XS, Bałazy et al. 2024). W + U R V is never formed.
  ///
  /// - Shapes: x [T, in], `weight` [out, in], `bias` [out], `down` V [R, in], `core` R [R, R], `up`
  ///   U [out, R], y [T, out].
  /// - Saves: x if the weight is trainable, unless x can be recomputed; x Vᵀ [T, R] if the core is.
  /// - Cost: that of the linear map plus thin products of rank R in fp32.
  public func coreLinear(
    _ x: Variable, weight: Parameter, bias: Parameter?, down: Tensor, core: Parameter, up: Tensor
  ) -> Variable {
    let inner = MatrixProduct.forward(x.value, weight: down)
    let y = MatrixProduct.forward(
      x.value, weight: weight, bias: bias, precision: precision,
      adding: MatrixProduct.forward(inner, weight: core.value), times: up, scale: 1)
    let isNeeded =
      x.needsGradient || [weight, bias, core].contains { $0?.wantsGradient == true }
    return output(
      y, x.partition, when: isNeeded,
      CoreLinear(
        input: x.node, saved: weight.wantsGradient ? x.saved.keeping(precision) : nil,
        inner: core.wantsGradient ? inner : nil, weight: weight, bias: bias, down: down,
        core: core, up: up, partition: x.partition, precision: precision))
  }
}

private struct CoreLinear: Operation {
  static let name = "coreLinear"
  let input: Node?
  let saved: SavedInput?
  let inner: Tensor?
  let weight: Parameter
  let bias: Parameter?
  let down: Tensor
  let core: Parameter
  let up: Tensor
  let partition: RowPartition
  let precision: Precision

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { input in
      walk.deliver(
        .outerProduct(upstream: cotangent, input: input, scale: 1), of: weight,
        partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: bias, partition: partition)
    guard inner != nil || input != nil else { return }
    let outer = MatrixProduct.inputGradient(cotangent, weight: up)
    if let inner {
      walk.deliver(
        .outerProduct(upstream: outer, input: inner, scale: 1), of: core, partition: partition)
    }
    guard input != nil else { return }
    walk.add(
      MatrixProduct.inputGradient(
        cotangent, weight: weight, precision: precision,
        adding: MatrixProduct.inputGradient(outer, weight: core.value), times: down),
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
    var middle = incoming.map {
      MatrixProduct.forward(MatrixProduct.forward($0, weight: down), weight: core.value)
    }
    if let inner, let direction = walk.direction(of: core) {
      middle = MatrixProduct.forward(inner, weight: direction, addingTo: middle)
    }
    if let middle { sum = MatrixProduct.forward(middle, weight: up, addingTo: sum) }
    if let direction = walk.direction(of: bias) {
      var total = sum ?? Tensor(zeros: [partition.rowCount, weight.shape.rows])
      total.addToRows(direction)
      sum = total
    }
    return sum
  }
}
