/// What a parameter does in its network; the default rule of grouping.
///
/// Kinds are disjoint and every parameter has exactly one. A normalisation's bias is `norm`, not
/// `bias`; everything in a task head is `head`.
public enum ParameterKind: String, CaseIterable, Hashable, Sendable {
  /// The task head: new with every task and always trained.
  case head
  /// Scale and bias of layer normalisations.
  case norm
  /// Biases of linear layers.
  case bias
  /// Word, position and token-type tables, and an output layer that is a matrix of its own.
  case embedding
  /// Weights of attention: query, key, value and output.
  case attention
  /// Weights of the feed-forward blocks.
  case feedForward
  /// Added low-rank factors.
  case adapter
}
