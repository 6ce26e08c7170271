/// The linear map from the last hidden state of a language model to logits over its vocabulary:
/// z = W x + b.
///
/// In published models, W is often the input embedding table itself.
public struct VocabularyMap {
  /// W [V, h].
  public let table: Parameter
  /// b [V]; nil if there is no bias.
  public let bias: Parameter?

  /// Creates a map with this table and bias.
  public init(table: Parameter, bias: Parameter? = nil) {
    self.table = table
    self.bias = bias
  }

  /// The maximum number of rows whose logits a loss holds in memory at once.
  package var rowsAtOnce: Int { max(1, VocabularyKernel.chunkElements / max(1, table.shape.rows)) }
}
