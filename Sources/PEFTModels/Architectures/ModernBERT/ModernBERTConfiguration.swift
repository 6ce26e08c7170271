import PEFTNetwork
import PEFTTensor

/// The contents of `config.json` for a ModernBERT (Warner et al. 2024).
public struct ModernBERTConfiguration: Hashable, Sendable {
  /// The number of rows of the word table, V.
  public var vocabularySize: Int
  /// The width of the residual stream, h.
  public var hiddenSize: Int
  /// The number of attention heads in a layer, H.
  public var headCount: Int
  /// The width of the feed-forward blocks.
  public var intermediateSize: Int
  /// The longest sequence, in tokens.
  public var positionCount: Int
  /// For each layer, lowest first, whether a token attends only to those at most `window` places
  /// away.
  public var isLocal: [Bool]
  /// The largest distance between tokens that attend to each other in a local layer.
  public var window = 64
  /// θ of the rotary positions in layers in which a token attends to all others.
  public var globalTheta = 160_000.0
  /// θ of the rotary positions in local layers.
  public var localTheta = 10_000.0
  /// The constant added to the variance in layer norms.
  public var epsilon = 1e-5
  /// Whether layer norms have a shift.
  public var hasNormShift = false
  /// Whether the maps of the attention blocks have biases.
  public var hasAttentionBias = false
  /// Whether the maps of the feed-forward blocks have biases.
  public var hasInnerBias = false
  /// The nonlinearity of the gates.
  public var activation = Activation.gelu
  /// Whether the map of the head has a bias.
  public var hasHeadBias = false
  /// The nonlinearity of the head.
  public var headActivation = Activation.gelu
  /// Whether a masked language model's output layer has a bias.
  public var hasOutputBias = true
  /// How a text classifier reduces the tokens to one row: `first` or `mean`.
  public var pooling = Pooling.first
  /// The dropout probability after the embeddings.
  public var embeddingDropout = 0.0
  /// The dropout probability of attention probabilities, and after the attention blocks.
  public var attentionDropout = 0.0
  /// The dropout probability of the gated columns.
  public var innerDropout = 0.0
  /// The dropout probability before the output of a classifier.
  public var classifierDropout = 0.0
  /// The standard deviation from which those of new weights derive.
  public var initializerRange = 0.02
  /// The padding token; nil if the file names none.
  public var paddingID: Int?
  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]?

  /// Creates a configuration of the given sizes, with the family's usual constants.
  ///
  /// - Parameter isLocal: for each layer, whether tokens attend only to near ones.
  public init(
    vocabularySize: Int, hiddenSize: Int, headCount: Int, intermediateSize: Int,
    positionCount: Int, isLocal: [Bool]
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.headCount = headCount
    self.intermediateSize = intermediateSize
    self.positionCount = positionCount
    self.isLocal = isLocal
  }

  /// The number of transformer layers.
  public var layerCount: Int { isLocal.count }
}
