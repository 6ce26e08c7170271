/// How large a model is.
public struct ModelSizes: Hashable, Sendable {
  /// Rows of the word table, V.
  public var vocabulary: Int
  /// The longest sequence, in tokens.
  public var positions: Int
  /// Width of the residual stream, h.
  public var hidden: Int
  /// Number of transformer layers.
  public var layers: Int
  /// Attention heads of a layer, H.
  public var heads: Int
  /// Heads of keys and values, H_kv, which divides H.
  public var keyValueHeads: Int
  /// Columns of a head, D.
  public var headWidth: Int
  /// Rows of width h in all tables together: words, positions, token types, and an output layer
  /// of its own.
  public var tableRows: Int
  /// Elements of the matrices of one layer.
  public var layerElements: Double

  /// Sizes of a model whose layers have four maps between h and H·D or H_kv·D columns, and
  /// `innerMaps` between h and the width of the feed-forward block.
  ///
  /// - Parameters:
  ///   - keyValueHeads: H_kv; nil is H.
  ///   - headWidth: D; nil is h / H.
  public init(
    vocabulary: Int, positions: Int, hidden: Int, layers: Int, heads: Int,
    keyValueHeads: Int? = nil, headWidth: Int? = nil, inner: Int, innerMaps: Int = 2,
    tableRows: Int
  ) {
    self.vocabulary = vocabulary
    self.positions = positions
    self.hidden = hidden
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headWidth = headWidth ?? hidden / heads
    self.tableRows = tableRows
    let wide = Double(self.headWidth) * Double(heads + self.keyValueHeads)
    layerElements =
      Double(hidden) * 2 * wide + Double(innerMaps) * Double(hidden) * Double(inner)
  }

  /// The elements of the tables and of the layers' matrices, by arithmetic alone.
  public var matrixElements: Double {
    Double(tableRows) * Double(hidden) + Double(layers) * layerElements
  }
}
