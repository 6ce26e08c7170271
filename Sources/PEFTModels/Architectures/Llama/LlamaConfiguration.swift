import PEFTTensor

/// The contents of `config.json` for a model of Llama's kind: Llama (such as Llama 3 and SmolLM2),
/// Mistral, Qwen2 (also Qwen2.5) and Qwen3.
public struct LlamaConfiguration: Hashable, Sendable {
  /// The model family.
  public var family: Family
  /// The number of rows of the word table, V.
  public var vocabularySize: Int
  /// The width of the residual stream.
  public var hiddenSize: Int
  /// The number of transformer layers.
  public var layerCount: Int
  /// The number of attention heads in a layer, H.
  public var headCount: Int
  /// The number of key and value heads, H_kv, which divides H.
  public var keyValueHeadCount: Int
  /// The number of columns of a head, D, which is even.
  public var headWidth: Int
  /// The width of the feed-forward blocks.
  public var intermediateSize: Int
  /// The longest sequence, in tokens.
  public var positionCount: Int
  /// The constant added to the mean square in norms.
  public var epsilon = 1e-6
  /// θ of the rotary positions.
  public var theta = 10_000.0
  /// The scaling of the rotary frequencies for longer texts; nil if they are not scaled.
  public var scaling: RotaryScaling?
  /// Whether the maps of the attention block have biases; in Qwen2, not the one behind the heads.
  public var hasAttentionBias = false
  /// Whether the maps of the feed-forward blocks have biases.
  public var hasInnerBias = false
  /// Whether the word table is also the output layer of a language model.
  public var tiesOutput = false
  /// The dropout probability of attention probabilities.
  public var attentionDropout = 0.0
  /// The standard deviation with which new weights are initialised.
  public var initializerRange = 0.02
  /// The token that ends a text; nil if the file names none.
  public var endID: Int?
  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]?

  /// Creates a configuration of the given sizes, with the family's usual constants.
  public init(
    family: Family = .llama, vocabularySize: Int, hiddenSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int? = nil, headWidth: Int? = nil, intermediateSize: Int,
    positionCount: Int, tiesOutput: Bool = false, endID: Int? = nil
  ) {
    self.family = family
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount ?? headCount
    self.headWidth = headWidth ?? hiddenSize / headCount
    self.intermediateSize = intermediateSize
    self.positionCount = positionCount
    self.tiesOutput = tiesOutput
    hasAttentionBias = family == .qwen2
    self.endID = endID
  }

  /// Reads `config.json`; see `Architecture`. Accepts rotary positions as written by transformers 4
  /// or transformers 5.
  public init(_ file: ConfigurationReader) throws(FileError) {
    family = Family(rawValue: try file.string("model_type")) ?? .llama
    if try file.string("hidden_act", default: "silu") != "swish" {
      try file.refuse("hidden_act", unless: .string("silu"))
    }
    try file.refuse("pretraining_tp", unless: .integer(1))
    try file.refuse("quantization_config", unless: .null)
    vocabularySize = try file.count("vocab_size")
    hiddenSize = try file.count("hidden_size")
    layerCount = try file.count("num_hidden_layers")
    headCount = try file.count("num_attention_heads")
    keyValueHeadCount =
      try file.optionalCount(
        "num_key_value_heads", absent: family.usualKeyValueHeads) ?? headCount
    let namedWidth = try file.optionalCount("head_dim", absent: family.usualHeadWidth)
    headWidth = namedWidth ?? hiddenSize / headCount
    intermediateSize = try file.count("intermediate_size")
    positionCount = try file.count("max_position_embeddings")
    epsilon = try file.fraction("rms_norm_eps", default: 1e-6)
    var rotary = try file.object("rope_parameters")
    if rotary == nil { rotary = try file.object("rope_scaling") }
    theta = try rotary?.positive("rope_theta", default: 10_000) ?? 10_000
    theta = try file.positive("rope_theta", default: theta)
    if let rotary { scaling = try RotaryScaling(rotary) }
    if family.choosesAttentionBias {
      hasAttentionBias = try file.flag("attention_bias", default: false)
    } else {
      hasAttentionBias = family == .qwen2
    }
    if family == .llama { hasInnerBias = try file.flag("mlp_bias", default: false) }
    tiesOutput = try file.flag("tie_word_embeddings", default: false)
    attentionDropout = try file.fraction("attention_dropout", default: 0)
    initializerRange = try file.fraction("initializer_range", default: 0.02)
    endID = try file.firstIndex("eos_token_id")
    labelNames = try file.labels()
    guard headCount % keyValueHeadCount == 0 else {
      throw FileError(
        .malformed, path: file.path, place: "num_key_value_heads",
        reason: "\(keyValueHeadCount) heads of keys do not divide \(headCount) of queries")
    }
    guard headWidth > 0, headWidth % 2 == 0, namedWidth != nil || hiddenSize % headCount == 0 else {
      throw FileError(
        .malformed, path: file.path, place: namedWidth == nil ? "num_attention_heads" : "head_dim",
        reason: "\(headCount) heads over the hidden size \(hiddenSize) have no even width")
    }
    try refuseWindows(file)
    if let endID, endID >= vocabularySize {
      throw FileError(
        .malformed, path: file.path, place: "eos_token_id",
        reason: "\(endID) lies outside the vocabulary of \(vocabularySize)")
    }
  }

  /// Throws if a token does not see all tokens before it. Mistral's window is 4096 unless the file
  /// names another or null.
  private func refuseWindows(_ file: ConfigurationReader) throws(FileError) {
    if let types = try file.strings("layer_types"),
      let other = types.first(where: { $0 != "full_attention" })
    {
      throw FileError(
        .unsupported, path: file.path, place: "layer_types",
        reason: "layers of the kind \"\(other)\" are not supported, only full_attention",
        remedy: "use a model without this feature")
    }
    switch family {
    case .llama: break
    case .qwen2, .qwen3: try file.refuse("use_sliding_window", unless: .bool(false))
    case .mistral:
      guard let window = try file.optionalCount("sliding_window", absent: 4096),
        window < positionCount
      else { return }
      throw FileError(
        .unsupported, path: file.path, place: "sliding_window",
        reason: "attention to only the last \(window) tokens is not supported",
        remedy: "for texts of up to \(window) tokens, where the window changes nothing, set "
          + "max_position_embeddings to \(window)")
    }
  }

  /// The contents of a `config.json` that transformers 4 and 5 can both read.
  public var json: JSONValue {
    var object: JSONObject = [
      "architectures": .array([.string(naming.languageClass)]), "model_type": .string(modelType),
      "vocab_size": .integer(vocabularySize), "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "num_key_value_heads": .integer(keyValueHeadCount), "head_dim": .integer(headWidth),
      "intermediate_size": .integer(intermediateSize),
      "max_position_embeddings": .integer(positionCount), "rms_norm_eps": .number(epsilon),
      "rope_theta": .number(theta), "hidden_act": .string("silu"),
      "tie_word_embeddings": .bool(tiesOutput), "attention_dropout": .number(attentionDropout),
      "initializer_range": .number(initializerRange),
    ]
    if family.choosesAttentionBias { object["attention_bias"] = .bool(hasAttentionBias) }
    switch family {
    case .llama: object["mlp_bias"] = .bool(hasInnerBias)
    case .mistral: object["sliding_window"] = .null
    case .qwen2, .qwen3: object["use_sliding_window"] = .bool(false)
    }
    if let scaling { object["rope_scaling"] = scaling.json }
    if let endID {
      object["bos_token_id"] = .integer(endID)
      object["eos_token_id"] = .integer(endID)
    }
    return .object(object)
  }
}
