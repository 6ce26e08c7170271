extension Tape {
  /// y = s x Δᵀ, a product with a sum of random matrices of rank one, of which the weights and the
  /// scales of the columns are trainable (RandLoRA, Albert et al. 2025):
  ///
  ///     M = Σ_ib λ_ib B_{i n + b} (A_i ∘ γ_b)ᵀ      Δ = M, or Mᵀ if there are more inputs
  ///
  /// A_i is a row of A and B_c a column of B. With d inputs and D outputs, or the other way round,
  /// d ≤ D, the n r terms give M the rank d.
  ///
  /// - Shapes: x [T, in], `weights` λ [r, n], `scales` γ [n, d], A [r, d], B [D, n r], y [T, out].
  /// - Saves: x if λ or γ wants a gradient, unless x can be recomputed; M [D, d].
  /// - Cost: a product with a dense matrix, and D n r d multiply-adds for M, in fp32; as much again
  ///   for the gradients of λ and γ, whatever T is.
  /// - Accuracy: that of the products.
  public func randomBasesProduct(
    _ x: Variable, _ bases: RandomBases, weights: Parameter, scales: Parameter, scale: Float
  ) -> Variable {
    let isWanted = weights.wantsGradient || scales.wantsGradient
    let operation = RandomBasesProduct(
      input: x.node, saved: isWanted ? x.saved.keeping(precision) : nil, bases: bases,
      matrix: bases.matrix(weights.value, scales.value), weights: weights, scales: scales,
      scale: scale, partition: x.partition)
    return output(
      operation.product(x.value, operation.matrix), x.partition,
      when: x.needsGradient || isWanted, operation)
  }
}

/// The random matrices of a layer in RandLoRA.
public struct RandomBases {
  /// A [r, d].
  let down: Tensor
  /// B [D, n r].
  let up: Tensor
  /// Whether the layer has more inputs than outputs, so that Δ = Mᵀ.
  let isTransposed: Bool

  /// Creates the bases of A [r, d] and B [D, n r] for a layer whose weight has the given shape, d
  /// by D or D by d.
  public init(down: Tensor, up: Tensor, for shape: Shape) {
    isTransposed = shape.columns > shape.rows
    precondition(
      down.shape.columns == min(shape.rows, shape.columns)
        && up.shape.rows == max(shape.rows, shape.columns)
        && up.shape.columns.isMultiple(of: down.shape.rows),
      "RandomBases: A \(down.shape) and B \(up.shape) for \(shape)")
    (self.down, self.up) = (down, up)
  }

  /// n, the number of bases of rank r that are needed for the rank d.
  public static func count(rank: Int, side: Int) -> Int {
    side / rank + (side.isMultiple(of: rank) ? 0 : 1)
  }

  /// The rows λ_ib A_i ∘ γ_b, [n r, d], with row i n + b for i and b.
  private func rows(_ weights: Tensor, _ scales: Tensor) -> Tensor {
    let (rank, width, count) = (down.shape.rows, down.shape.columns, scales.shape.rows)
    precondition(
      weights.shape == [rank, count] && scales.shape.columns == width
        && up.shape.columns == rank * count,
      "randomBasesProduct: λ \(weights.shape), γ \(scales.shape), A \(down.shape), B \(up.shape)")
    return Tensor(writing: [rank * count, width]) { target in
      withElements(of: down, scales, weights) { down, scales, weights in
        for row in 0..<rank * count {
          let (i, b) = row.quotientAndRemainder(dividingBy: count)
          for column in 0..<width {
            target[row * width + column] =
              weights[row] * (down[i * width + column] * scales[b * width + column])
          }
        }
      }
    }
  }

  /// M [D, d].
  package func matrix(_ weights: Tensor, _ scales: Tensor) -> Tensor {
    MatrixProduct.inputGradient(up, weight: rows(weights, scales))
  }

  /// Δ [out, in].
  public func delta(_ weights: Tensor, _ scales: Tensor) -> Tensor {
    let matrix = matrix(weights, scales)
    return isTransposed ? matrix.transposed : matrix
  }

  /// The gradients of λ and γ, from that of M [D, d].
  fileprivate func gradients(
    of matrix: Tensor, weights: Tensor, scales: Tensor
  ) -> (weights: Tensor, scales: Tensor) {
    let (width, count) = (down.shape.columns, scales.shape.rows)
    var slopes = Tensor(zeros: [up.shape.columns, width])
    MatrixProduct.weightGradient(upstream: up, input: matrix, into: &slopes, accumulating: false)
    var (ofWeights, ofScales) = (Tensor(zeros: weights.shape), Tensor(zeros: scales.shape))
    ofWeights.withUnsafeMutableElements { ofWeights in
      ofScales.withUnsafeMutableElements { ofScales in
        withElements(of: down, scales, weights) { down, scales, weights in
          withElements(of: slopes) { slopes in
            for row in ofWeights.indices {
              let (i, b) = row.quotientAndRemainder(dividingBy: count)
              var sum = 0.0
              for column in 0..<width {
                let slope = slopes[row * width + column] * down[i * width + column]
                sum += Double(slope * scales[b * width + column])
                ofScales[b * width + column] += slope * weights[row]
              }
              ofWeights[row] = Float(sum)
            }
          }
        }
      }
    }
    return (ofWeights, ofScales)
  }
}

private struct RandomBasesProduct: Operation {
  static let name = "randomBasesProduct"
  let input: Node?
  let saved: SavedInput?
  let bases: RandomBases
  /// M.
  let matrix: Tensor
  let weights: Parameter
  let scales: Parameter
  let scale: Float
  let partition: RowPartition

  /// s x Δᵀ for M [D, d], or added to a sum.
  func product(_ x: Tensor, _ matrix: Tensor, addingTo sum: Tensor? = nil) -> Tensor {
    bases.isTransposed
      ? MatrixProduct.inputGradient(x, weight: matrix, scale: scale, addingTo: sum)
      : MatrixProduct.forward(x, weight: matrix, scale: scale, addingTo: sum)
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { x in
      var gradient = Tensor(zeros: matrix.shape)
      MatrixProduct.weightGradient(
        upstream: bases.isTransposed ? x : cotangent, input: bases.isTransposed ? cotangent : x,
        scale: scale, into: &gradient, accumulating: false)
      let (ofWeights, ofScales) = bases.gradients(
        of: gradient, weights: weights.value, scales: scales.value)
      walk.deliver(.dense(ofWeights), of: weights, partition: partition)
      walk.deliver(.dense(ofScales), of: scales, partition: partition)
    }
    guard input != nil else { return }
    walk.add(
      bases.isTransposed
        ? MatrixProduct.forward(cotangent, weight: matrix, scale: scale)
        : MatrixProduct.inputGradient(cotangent, weight: matrix, scale: scale), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map { product($0, matrix) }
    guard let x = saved?.value else { return sum }
    if let direction = walk.direction(of: weights) {
      sum = product(x, bases.matrix(direction, scales.value), addingTo: sum)
    }
    if let direction = walk.direction(of: scales) {
      sum = product(x, bases.matrix(weights.value, direction), addingTo: sum)
    }
    return sum
  }
}
