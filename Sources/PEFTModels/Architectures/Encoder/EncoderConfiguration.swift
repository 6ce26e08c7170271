import PEFTNetwork
import PEFTTensor

/// The contents of `config.json` for a model of BERT's kind.
///
/// One type serves all families whose layers compute the same. They differ in names, in positions,
/// in token types and in the heads, as `EncoderForm.swift` lists.
public struct EncoderConfiguration: Hashable, Sendable {
  /// The family.
  public var family: Family
  /// The number of rows of the word table, V.
  public var vocabularySize: Int
  /// The width of the residual stream.
  public var hiddenSize: Int
  /// The number of columns of the tables of embeddings. If it is not the width of the residual
  /// stream, a linear map follows them.
  public var embeddingSize: Int
  /// The number of transformer layers.
  public var layerCount: Int
  /// The number of layers with parameters of their own. In ALBERT, adjacent layers share them; in
  /// other families, it is `layerCount`.
  public var distinctLayerCount: Int
  /// The number of attention heads in a layer, H.
  public var headCount: Int
  /// The width of the feed-forward blocks.
  public var intermediateSize: Int
  /// The number of rows of the position table.
  public var positionCount: Int
  /// The number of rows of the token-type table; 0 in families that have none.
  public var tokenTypeCount: Int
  /// The constant added to the variance in layer norms.
  public var epsilon: Double
  /// The nonlinearity of the feed-forward blocks.
  public var activation: Activation
  /// The dropout probability after embeddings, attention and feed-forward blocks.
  public var hiddenDropout: Double
  /// The dropout probability of attention probabilities.
  public var attentionDropout: Double
  /// The dropout probability in the head; nil means `hiddenDropout`.
  public var classifierDropout: Double?
  /// The padding token. In RoBERTa and families like it, positions begin after it.
  public var paddingID: Int
  /// The standard deviation with which new weights are initialised.
  public var initializerRange: Double
  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]?

  /// Creates a configuration from its parts, for models that are not loaded from a directory.
  ///
  /// - Parameters:
  ///   - embeddingSize: the number of columns of the tables of embeddings; nil means `hiddenSize`,
  ///     the only one that families other than ELECTRA and ALBERT can have.
  ///   - distinctLayerCount: the number of layers with parameters of their own; nil means all, as
  ///     in all families but ALBERT.
  public init(
    family: Family, vocabularySize: Int, hiddenSize: Int, embeddingSize: Int? = nil,
    layerCount: Int, distinctLayerCount: Int? = nil, headCount: Int, intermediateSize: Int,
    positionCount: Int, tokenTypeCount: Int,
    epsilon: Double,
    activation: Activation, hiddenDropout: Double, attentionDropout: Double,
    classifierDropout: Double?, paddingID: Int, initializerRange: Double, labelNames: [String]?
  ) {
    self.family = family
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.embeddingSize = embeddingSize ?? hiddenSize
    self.layerCount = layerCount
    self.distinctLayerCount = distinctLayerCount ?? layerCount
    self.headCount = headCount
    self.intermediateSize = intermediateSize
    self.positionCount = positionCount
    self.tokenTypeCount = tokenTypeCount
    self.epsilon = epsilon
    self.activation = activation
    self.hiddenDropout = hiddenDropout
    self.attentionDropout = attentionDropout
    self.classifierDropout = classifierDropout
    self.paddingID = paddingID
    self.initializerRange = initializerRange
    self.labelNames = labelNames
  }

  /// A RoBERTa configuration of the given sizes for texts of `context` tokens, with the family's
  /// usual constants.
  public static func roberta(
    vocabularySize: Int, hiddenSize: Int, layerCount: Int, headCount: Int, context: Int,
    paddingID: Int
  ) -> EncoderConfiguration {
    EncoderConfiguration(
      family: .roberta, vocabularySize: vocabularySize, hiddenSize: hiddenSize,
      layerCount: layerCount, headCount: headCount, intermediateSize: 4 * hiddenSize,
      positionCount: context + paddingID + 1, tokenTypeCount: 1, epsilon: 1e-5, activation: .gelu,
      hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil, paddingID: paddingID,
      initializerRange: 0.02, labelNames: nil)
  }

  /// What differs between the families besides sizes.
  var form: EncoderForm { family.form }

  /// The row of the position table that belongs to the first token.
  public var positionOffset: Int { form.countsFromPadding ? paddingID + 1 : 0 }

  /// The row of the position table for each token, T numbers.
  ///
  /// RoBERTa and families like it count the tokens other than padding. A padding token inside a
  /// text takes the row of `paddingID`, and the next token continues the count.
  func positionRows(of batch: PackedBatch) -> [Int32] {
    guard form.countsFromPadding else { return batch.partition.positions }
    let padding = Int32(paddingID)
    return (0..<batch.exampleCount).flatMap { example in
      var last = padding
      return batch.partition[example].map { row in
        guard batch.ids[row] != padding else { return padding }
        last += 1
        return last
      }
    }
  }

  /// The longest sequence, in tokens.
  public var maximumLength: Int { positionCount - positionOffset }
}
