/// The function of a parameter in its network, and the default grouping rule.
///
/// Kinds are disjoint, and every parameter has exactly one. The bias of a normalisation is `norm`,
/// not `bias`; everything in a task head is `head`.
public enum ParameterKind: String, CaseIterable, Hashable, Sendable {
  /// The task head, which is new for every task and always trained.
  case head
  /// Scale and bias of layer normalisations.
  case norm
  /// Biases of linear layers.
  case bias
  /// Word, position and token-type tables, position biases, and an output layer with a matrix of
  /// its own.
  case embedding
  /// Weights of attention: query, key, value and output.
  case attention
  /// Weights of the feed-forward blocks.
  case feedForward
  /// Factors of added low-rank adapters.
  case adapter
}
