/// The values that a norm saves for its derivatives: x̂ in the tape's precision, and the inverse
/// deviation of each row in Float32.
struct SavedNormalization {
  private let normalized: SavedTensor
  private let inverseDeviation: Tensor

  init(_ normalization: RowKernels.Normalization, precision: Precision) {
    normalized = SavedTensor(normalization.normalized, precision: precision)
    inverseDeviation = normalization.inverseDeviation
  }

  var value: RowKernels.Normalization {
    RowKernels.Normalization(normalized: normalized.value, inverseDeviation: inverseDeviation)
  }
}
