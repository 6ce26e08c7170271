/// What turns the last hidden state of a language model into logits over its vocabulary:
/// z = W x + b. In published models W is the table of the input embeddings itself.
public struct VocabularyMap {
  /// W [V, h].
  public let table: Parameter
  /// b [V]; nil where there is none.
  public let bias: Parameter?

  /// A map with this table.
  public init(table: Parameter, bias: Parameter? = nil) {
    self.table = table
    self.bias = bias
  }

  /// The most rows whose logits a loss holds at once.
  package var rowsAtOnce: Int { max(1, VocabularyKernel.chunkElements / max(1, table.shape.rows)) }
}
