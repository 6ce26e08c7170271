/// The parameters that weight decay applies to.
public enum WeightDecayScope: String, CaseIterable, Hashable, Sendable {
  /// Matrices and tables only.
  ///
  /// Biases, the scales of norms and the vectors of adapters do not decay, as is usual since BERT:
  /// they are few, and a scale that decays towards 0 works against what the norm is for.
  case matrices
  /// Every parameter, as PyTorch's AdamW does by default.
  case all

  /// Whether `parameter` decays.
  func contains(_ parameter: Parameter) -> Bool { self == .all || parameter.shape.rank > 1 }
}
