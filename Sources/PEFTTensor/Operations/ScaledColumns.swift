import Foundation

extension Tape {
  /// y = (lᵏ / d) ∘ x + b, row by row: a power of a trainable vector l scales the columns of x.
  ///
  /// The divisor d is a constant of the operation, in the gradient and in the tangent, even if the
  /// caller computed it from parameters. It is detached, like the norm in DoRA (Liu et al. 2024).
  /// Gradient and tangent are then exact derivatives of one function, in which d is fixed, and each
  /// is the transpose of the other.
  ///
  /// - Shapes: x and y [T, n]; `scale` l has n elements in any shape, k is `degree`; `divisor` d
  ///   [n], nil means 1; `shift` b [n].
  /// - Saves: x if l wants a gradient, unless x can be recomputed. Later operations then need not
  ///   save y.
  /// - Accuracy: lᵏ, its quotient by d, the product and the sum are rounded once each. A column
  ///   whose divisor is 0 equals b.
  public func scaledColumns(
    _ x: Variable, by scale: Parameter, toThe degree: Int = 1, over divisor: Tensor? = nil,
    adding shift: Parameter? = nil
  ) -> Variable {
    let power = degree == 1 ? scale.value : scale.value.power(degree)
    let factors = divisor.map { power.divided(by: $0) } ?? power
    let shiftValue = shift?.value
    let saved = scale.wantsGradient ? x.saved.keeping(precision) : nil
    return output(
      RowKernels.scaledColumns(x.value, by: factors, adding: shiftValue), x.partition,
      when: x.needsGradient || scale.wantsGradient || shift?.wantsGradient == true,
      remaking: saved.map { saved in
        { RowKernels.scaledColumns(saved.value, by: factors, adding: shiftValue) }
      },
      ScaledColumns(
        input: x.node, saved: saved, scale: scale, factors: factors,
        powerSlopes: degree == 1 ? nil : scale.value.powerSlopes(degree), divisor: divisor,
        shift: shift, partition: x.partition))
  }
}

private struct ScaledColumns: Operation {
  static let name = "scaledColumns"
  let input: Node?
  /// x, saved if l wants a gradient.
  let saved: SavedInput?
  let scale: Parameter
  /// lᵏ / d.
  let factors: Tensor
  /// k lᵏ⁻¹; nil means 1.
  let powerSlopes: Tensor?
  /// d; nil means 1.
  let divisor: Tensor?
  let shift: Parameter?
  let partition: RowPartition

  /// k lᵏ⁻¹ / d, the derivatives of the factors; nil means 1. Computed when it is needed, so that
  /// it takes no memory from the forward to the backward pass.
  private var slopes: Tensor? {
    guard let divisor else { return powerSlopes }
    return (powerSlopes ?? Tensor(repeating: 1, shape: divisor.shape)).divided(by: divisor)
  }

  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk) {
    deliver(copy cotangent, on: walk)
    guard input != nil else { return }
    // Reuses the cotangent's storage if it is uniquely referenced.
    let gradient = RowKernels.scaledColumns(consume cotangent, by: factors)
    walk.add(gradient, to: input)
  }

  /// Delivers Σ_t ȳ_t ∘ x_t ∘ slopes to the scale and Σ_t ȳ_t to the shift.
  private func deliver(_ cotangent: Tensor, on walk: ReverseWalk) {
    saved?.take { x in
      walk.deliver(
        .productSum(
          upstream: cotangent,
          normalized: slopes.map { RowKernels.scaledColumns(x, by: $0) } ?? x),
        of: scale, partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: shift, partition: partition)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map { RowKernels.scaledColumns($0, by: factors) }
    if let x = saved?.value, let direction = walk.direction(of: scale) {
      let change = slopes.map { slopes in
        Tensor(zip(direction.elements, slopes.elements).map { $0 * $1 }, shape: direction.shape)
      }
      sum = Self.sum(sum, RowKernels.scaledColumns(x, by: change ?? direction))
    }
    if let direction = walk.direction(of: shift) {
      var total = sum ?? Tensor(zeros: [partition.rowCount, direction.count])
      total.addToRows(direction)
      sum = total
    }
    return sum
  }

  private static func sum(_ first: Tensor?, _ second: Tensor) -> Tensor {
    guard var sum = first else { return second }
    sum.add(second)
    return sum
  }
}

extension Tensor {
  /// Every element to the power k, rounded once.
  package func power(_ degree: Int) -> Tensor {
    Tensor(elements.map { Float(pow(Double($0), Double(degree))) }, shape: shape)
  }

  /// k lᵏ⁻¹ for every element l, [n].
  fileprivate func powerSlopes(_ degree: Int) -> Tensor {
    Tensor(
      elements.map { Float(Double(degree) * pow(Double($0), Double(degree - 1))) }, shape: [count])
  }
}
