/// A parameter's gradient as the factors in which the reverse walk finds it.
///
/// Letters: T rows of the packed batch, `partition` says whose they are. The gradient is the sum
/// over rows, so a sink can form it, restrict it to some rows of the parameter, or contract it with
/// a direction example by example without ever forming it.
public enum GradientFactors {
  /// A linear weight [out, in]: scale · Σ_t δ_tᵀ x_t with δ [T, out] and x [T, in].
  case outerProduct(upstream: Tensor, input: Tensor, scale: Float)
  /// A bias [n]: Σ_t δ_t with δ [T, n].
  case rowSum(upstream: Tensor)
  /// A normalisation's scale [n]: Σ_t δ_t ∘ x̂_t with δ and x̂ [T, n].
  case productSum(upstream: Tensor, normalized: Tensor)
  /// A table [V, n]: δ_t added to row `rows[t]`, with δ [T, n].
  case scatter(upstream: Tensor, rows: [Int32])
  /// The gradient itself.
  case dense(Tensor)
}

/// Where parameter gradients go during a reverse walk.
public protocol GradientSink: AnyObject {
  /// Takes one contribution to the gradient of `parameter`. A tied parameter gets several.
  func receive(_ gradient: GradientFactors, of parameter: Parameter, partition: RowPartition)
}
