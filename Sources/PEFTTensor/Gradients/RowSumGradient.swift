/// The gradient of a bias [n]: Σ_t δ_t with δ [T, n].
public struct RowSumGradient: ParameterGradient {
  /// δ.
  public let upstream: Tensor

  /// Computes the column sums of δ.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    sum.accumulateColumnSums(of: upstream, accumulating: adding)
  }

  /// Returns the whole gradient, because a vector has no rows.
  public func restricted(to rows: [Int]) -> any ParameterGradient { self }

  /// Σ_{t∈i} δ_t · v.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    upstream.sumsOfExamples(times: nil, partition).dots(with: direction)
  }
}

extension ParameterGradient where Self == RowSumGradient {
  /// Σ_t δ_t.
  public static func rowSum(upstream: Tensor) -> Self { RowSumGradient(upstream: upstream) }
}
