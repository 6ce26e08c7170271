import PEFTNetwork
import PEFTTensor

/// The contents of `config.json` for a RoBERTa or BERT model.
///
/// One type serves both families. They differ in the prefix of names, in the first position, in
/// token types and in the head.
public struct EncoderConfiguration: Hashable, Sendable {
  /// A model family.
  public enum Family: String, CaseIterable, Hashable, Sendable {
    /// Devlin et al. 2018.
    case bert
    /// Liu et al. 2019.
    case roberta
  }

  /// The family.
  public var family: Family
  /// The number of rows of the word table, V.
  public var vocabularySize: Int
  /// The width of the residual stream.
  public var hiddenSize: Int
  /// The number of transformer layers.
  public var layerCount: Int
  /// The number of attention heads in a layer, H.
  public var headCount: Int
  /// The width of the feed-forward blocks.
  public var intermediateSize: Int
  /// The number of rows of the position table.
  public var positionCount: Int
  /// The number of rows of the token-type table.
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
  /// The padding token. In RoBERTa, positions begin after it.
  public var paddingID: Int
  /// The standard deviation with which new weights are initialised.
  public var initializerRange: Double
  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]?

  /// Creates a configuration from its parts, for models that are not loaded from a directory.
  public init(
    family: Family, vocabularySize: Int, hiddenSize: Int, layerCount: Int,
    headCount: Int, intermediateSize: Int, positionCount: Int, tokenTypeCount: Int, epsilon: Double,
    activation: Activation, hiddenDropout: Double, attentionDropout: Double,
    classifierDropout: Double?, paddingID: Int, initializerRange: Double, labelNames: [String]?
  ) {
    self.family = family
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
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

  /// The row of the position table that belongs to the first token.
  public var positionOffset: Int { family == .roberta ? paddingID + 1 : 0 }

  /// The row of the position table for each token, T numbers.
  ///
  /// RoBERTa counts the tokens other than padding. A padding token inside a text takes the row of
  /// `paddingID`, and the next token continues the count.
  func positionRows(of batch: PackedBatch) -> [Int32] {
    guard family == .roberta else { return batch.partition.positions }
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

extension EncoderConfiguration {
  /// Reads `config.json`; see `Architecture`.
  public init(_ file: ConfigurationReader) throws(FileError) {
    family = Family(rawValue: try file.string("model_type")) ?? .roberta
    try file.refuse("position_embedding_type", unless: .string("absolute"))
    try file.refuse("is_decoder", unless: .bool(false))
    try file.refuse("add_cross_attention", unless: .bool(false))
    try file.refuse("quantization_config", unless: .null)
    try file.refuse("pruned_heads", unless: .object([:]))
    activation = try file.activation("hidden_act", default: "gelu")
    vocabularySize = try file.count("vocab_size")
    hiddenSize = try file.count("hidden_size")
    layerCount = try file.count("num_hidden_layers")
    headCount = try file.count("num_attention_heads")
    intermediateSize = try file.count("intermediate_size")
    positionCount = try file.count("max_position_embeddings")
    tokenTypeCount = try file.count("type_vocab_size")
    epsilon = try file.fraction("layer_norm_eps", default: 1e-12)
    hiddenDropout = try file.fraction("hidden_dropout_prob", default: 0.1)
    attentionDropout = try file.fraction("attention_probs_dropout_prob", default: 0.1)
    classifierDropout = try file.optionalFraction("classifier_dropout")
    paddingID = try file.index("pad_token_id", default: family == .roberta ? 1 : 0)
    initializerRange = try file.fraction("initializer_range", default: 0.02)
    labelNames = try file.labels()
    guard hiddenSize % headCount == 0 else {
      throw FileError(
        .malformed, path: file.path, place: "num_attention_heads",
        reason: "\(headCount) heads do not divide the hidden size \(hiddenSize)")
    }
    guard maximumLength > 0, paddingID < vocabularySize else {
      throw FileError(
        .malformed, path: file.path, place: "pad_token_id",
        reason: "\(paddingID) leaves no position or lies outside the vocabulary")
    }
  }

  /// The contents of a `config.json`.
  public var json: JSONValue {
    .object([
      "architectures": .array([
        .string(naming.languageClass)
      ]), "model_type": .string(family.rawValue),
      "vocab_size": .integer(vocabularySize), "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "intermediate_size": .integer(intermediateSize),
      "max_position_embeddings": .integer(positionCount),
      "type_vocab_size": .integer(tokenTypeCount), "layer_norm_eps": .number(epsilon),
      "hidden_act": .string(activation.usualName),
      "hidden_dropout_prob": .number(hiddenDropout),
      "attention_probs_dropout_prob": .number(attentionDropout),
      "pad_token_id": .integer(paddingID), "initializer_range": .number(initializerRange),
    ])
  }
}
