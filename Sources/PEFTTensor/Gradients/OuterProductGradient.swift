/// The gradient of a linear weight [out, in]: scale · Σ_t δ_tᵀ x_t with δ [T, out] and x [T, in].
public struct OuterProductGradient: ParameterGradient {
  /// δ.
  public let upstream: Tensor
  /// x.
  public let input: Tensor
  /// The factor.
  public let scale: Float

  /// Computes the gradient as one product of the factors.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    MatrixProduct.weightGradient(
      upstream: upstream, input: input, scale: scale, into: &sum, accumulating: adding,
      precision: precision)
  }

  /// The gradient of the given rows, from a copy of the columns of δ that they need.
  public func restricted(to rows: [Int]) -> any ParameterGradient {
    .outerProduct(upstream: upstream.columns(at: rows), input: input, scale: scale)
  }

  /// Σ_{t∈i} δ_t · (V x_t): one product of the size of the forward one and a row-wise inner
  /// product.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    let usesRows =
      switch split {
      case .rows: true
      case .columns: false
      case .whole: image != nil || direction.shape.rows <= direction.shape.columns
      }
    let sums =
      usesRows
      ? upstream.sumsOfExamples(
        times: image ?? MatrixProduct.forward(input, weight: direction, scale: scale), partition)
      : MatrixProduct.inputGradient(upstream, weight: direction, scale: scale).sumsOfExamples(
        times: input, partition)
    return split == .whole ? sums.sums(by: .rows) : sums.elements.map(Double.init)
  }

  /// x Vᵀ [T, out]. Returns nil if the weight has so many more outputs than inputs, as a vocabulary
  /// projection has, that keeping the image would cost more than it saves.
  public func image(of direction: Tensor) -> Tensor? {
    guard direction.shape.rows <= Self.imageLimit * direction.shape.columns else { return nil }
    return MatrixProduct.forward(input, weight: direction, scale: scale)
  }

  /// The largest ratio of outputs to inputs for which the image is kept.
  private static let imageLimit = 8
}

extension ParameterGradient where Self == OuterProductGradient {
  /// scale · Σ_t δ_tᵀ x_t.
  public static func outerProduct(upstream: Tensor, input: Tensor, scale: Float) -> Self {
    OuterProductGradient(upstream: upstream, input: input, scale: scale)
  }
}
