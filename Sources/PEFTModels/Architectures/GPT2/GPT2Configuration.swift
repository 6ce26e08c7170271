import PEFTTensor

/// The contents of `config.json` for a GPT-2 model (Radford et al. 2019).
public struct GPT2Configuration: Hashable, Sendable {
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
  /// The number of rows of the position table, which is the longest sequence in tokens.
  public var positionCount: Int
  /// The constant added to the variance in layer norms.
  public var epsilon = 1e-5
  /// The nonlinearity of the feed-forward blocks.
  public var activation = Activation.geluTanh
  /// The dropout probability of the embeddings.
  public var embeddingDropout = 0.1
  /// The dropout probability after attention and feed-forward blocks.
  public var residualDropout = 0.1
  /// The dropout probability of attention probabilities.
  public var attentionDropout = 0.1
  /// The standard deviation with which new weights are initialised.
  public var initializerRange = 0.02
  /// The token that ends a text; nil if the file names none.
  public var endID: Int?
  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]?

  /// Creates a configuration of the given sizes, with the family's usual constants.
  public init(
    vocabularySize: Int, hiddenSize: Int, layerCount: Int, headCount: Int, positionCount: Int,
    intermediateSize: Int? = nil, endID: Int? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.intermediateSize = intermediateSize ?? 4 * hiddenSize
    self.positionCount = positionCount
    self.endID = endID
  }

  /// Reads `config.json`; see `Architecture`.
  public init(_ file: ConfigurationReader) throws(FileError) {
    try file.refuse("tie_word_embeddings", unless: .bool(true))
    try file.refuse("scale_attn_weights", unless: .bool(true))
    try file.refuse("scale_attn_by_inverse_layer_idx", unless: .bool(false))
    try file.refuse("add_cross_attention", unless: .bool(false))
    try file.refuse("quantization_config", unless: .null)
    try file.refuse("pruned_heads", unless: .object([:]))
    activation = try file.activation("activation_function", default: "gelu_new")
    vocabularySize = try file.count("vocab_size")
    hiddenSize = try file.count("n_embd")
    layerCount = try file.count("n_layer")
    headCount = try file.count("n_head")
    intermediateSize = try file.optionalCount("n_inner") ?? 4 * hiddenSize
    positionCount = try file.count("n_positions")
    epsilon = try file.fraction("layer_norm_epsilon", default: 1e-5)
    embeddingDropout = try file.fraction("embd_pdrop", default: 0.1)
    residualDropout = try file.fraction("resid_pdrop", default: 0.1)
    attentionDropout = try file.fraction("attn_pdrop", default: 0.1)
    initializerRange = try file.fraction("initializer_range", default: 0.02)
    endID = try file.optionalIndex("eos_token_id")
    labelNames = try file.labels()
    guard hiddenSize % headCount == 0 else {
      throw FileError(
        .malformed, path: file.path, place: "n_head",
        reason: "\(headCount) heads do not divide the hidden size \(hiddenSize)")
    }
    if let endID, endID >= vocabularySize {
      throw FileError(
        .malformed, path: file.path, place: "eos_token_id",
        reason: "\(endID) lies outside the vocabulary of \(vocabularySize)")
    }
  }

  /// The contents of a `config.json`.
  public var json: JSONValue {
    var object: JSONObject = [
      "architectures": .array([.string(naming.languageClass)]), "model_type": .string(modelType),
      "vocab_size": .integer(vocabularySize), "n_embd": .integer(hiddenSize),
      "n_layer": .integer(layerCount), "n_head": .integer(headCount),
      "n_inner": .integer(intermediateSize), "n_positions": .integer(positionCount),
      "layer_norm_epsilon": .number(epsilon),
      "activation_function": .string(activation.usualName),
      "embd_pdrop": .number(embeddingDropout), "resid_pdrop": .number(residualDropout),
      "attn_pdrop": .number(attentionDropout), "initializer_range": .number(initializerRange),
      "tie_word_embeddings": .bool(true),
    ]
    if let endID {
      object["bos_token_id"] = .integer(endID)
      object["eos_token_id"] = .integer(endID)
    }
    return .object(object)
  }
}
