/// The gradient of a vector [n] that scales columns, such as the scale of a norm: Σ_t δ_t ∘ x̂_t
/// with δ and x̂ [T, n].
public struct ProductSumGradient: ParameterGradient {
  /// δ.
  public let upstream: Tensor
  /// x̂, the rows that the vector scales.
  public let normalized: Tensor

  /// Computes the column sums of δ ∘ x̂.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    sum.accumulateColumnSums(of: upstream, times: normalized, accumulating: adding)
  }

  /// Returns the whole gradient, because a vector has no rows.
  public func restricted(to rows: [Int]) -> any ParameterGradient { self }

  /// Σ_{t∈i} (δ_t ∘ x̂_t) · v.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    upstream.sumsOfExamples(times: normalized, partition).dots(with: direction)
  }
}

extension ParameterGradient where Self == ProductSumGradient {
  /// Σ_t δ_t ∘ x̂_t.
  public static func productSum(upstream: Tensor, normalized: Tensor) -> Self {
    ProductSumGradient(upstream: upstream, normalized: normalized)
  }
}
