/// The sizes of a model.
public struct ModelSizes: Hashable, Sendable {
  /// The number of rows of the word table, V.
  public var vocabulary: Int
  /// The longest sequence, in tokens.
  public var positions: Int
  /// The width of the residual stream, h.
  public var hidden: Int
  /// The number of transformer layers.
  public var layers: Int
  /// The number of attention heads in a layer, H.
  public var heads: Int
  /// The number of key and value heads, H_kv, which divides H.
  public var keyValueHeads: Int
  /// The number of columns of a head, D.
  public var headWidth: Int
  /// The number of rows in all tables of embeddings together: words, positions, token types, and a
  /// separate output layer if there is one.
  public var tableRows: Int
  /// The number of columns of these tables; h, unless a map follows the embeddings.
  public var tableWidth: Int
  /// The number of elements of the matrices outside tables and layers, such as position biases that
  /// the layers share.
  public var otherElements: Int
  /// The number of layers with matrices of their own, at most `layers`.
  public var distinctLayers: Int
  /// The number of elements of the matrices of one layer.
  public var layerElements: Double

  /// Creates the sizes of a model whose layers have four maps between h and H·D or H_kv·D columns,
  /// and `innerMaps` maps between h and the width of the feed-forward block.
  ///
  /// - Parameters:
  ///   - keyValueHeads: H_kv; nil means H.
  ///   - headWidth: D; nil means h / H.
  ///   - distinctLayers: the number of layers with matrices of their own; nil means all.
  ///   - tableWidth: the number of columns of the tables; nil means h.
  public init(
    vocabulary: Int, positions: Int, hidden: Int, layers: Int,
    distinctLayers: Int? = nil, heads: Int, keyValueHeads: Int? = nil, headWidth: Int? = nil,
    inner: Int, innerMaps: Int = 2,
    tableRows: Int, tableWidth: Int? = nil, otherElements: Int = 0
  ) {
    self.vocabulary = vocabulary
    self.positions = positions
    self.hidden = hidden
    self.layers = layers
    self.distinctLayers = distinctLayers ?? layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headWidth = headWidth ?? hidden / heads
    self.tableRows = tableRows
    self.tableWidth = tableWidth ?? hidden
    self.otherElements = otherElements
    let wide = Double(self.headWidth) * Double(heads + self.keyValueHeads)
    layerElements =
      Double(hidden) * 2 * wide + Double(innerMaps) * Double(hidden) * Double(inner)
  }

  /// The number of elements of the tables and of the layers' matrices, computed from the sizes
  /// alone.
  public var matrixElements: Double {
    Double(tableRows) * Double(tableWidth) + Double(otherElements)
      + Double(distinctLayers) * layerElements
  }
}
