import PEFTTensor

extension EncoderConfiguration {
  /// Reads `config.json`; see `Architecture`.
  public init(_ file: ConfigurationReader) throws(FileError) {
    family = Family(rawValue: try file.string("model_type")) ?? .roberta
    let form = family.form
    try file.refuse("position_embedding_type", unless: .string("absolute"))
    try file.refuse("is_decoder", unless: .bool(false))
    try file.refuse("add_cross_attention", unless: .bool(false))
    try file.refuse("quantization_config", unless: .null)
    try file.refuse("pruned_heads", unless: .object([:]))
    if form.hasRelativePositions {
      try file.refuse(
        "relative_attention_num_buckets", unless: .integer(RelativePositions.bucketCount))
      // transformers counts positions after this token, whichever pads.
      try file.refuse("pad_token_id", unless: .integer(1))
    }
    activation = try file.activation("hidden_act", default: "gelu")
    vocabularySize = try file.count("vocab_size")
    hiddenSize = try file.count("hidden_size")
    layerCount = try file.count("num_hidden_layers")
    headCount = try file.count("num_attention_heads")
    intermediateSize = try file.count("intermediate_size")
    positionCount = try file.count("max_position_embeddings")
    tokenTypeCount = form.hasTokenTypes ? try file.count("type_vocab_size") : 0
    epsilon = try file.fraction("layer_norm_eps", default: 1e-12)
    hiddenDropout = try file.fraction("hidden_dropout_prob", default: 0.1)
    attentionDropout = try file.fraction("attention_probs_dropout_prob", default: 0.1)
    if let key = form.keys.classifierDropout {
      classifierDropout = try file.optionalFraction(key)
    }
    paddingID = try file.index("pad_token_id", default: form.countsFromPadding ? 1 : 0)
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
    var members: JSONObject = [
      "architectures": .array([.string(naming.languageClass)]),
      "model_type": .string(family.rawValue), "vocab_size": .integer(vocabularySize),
      "hidden_size": .integer(hiddenSize), "num_hidden_layers": .integer(layerCount),
      "num_attention_heads": .integer(headCount), "intermediate_size": .integer(intermediateSize),
      "max_position_embeddings": .integer(positionCount),
      "type_vocab_size": .integer(tokenTypeCount), "layer_norm_eps": .number(epsilon),
      "hidden_act": .string(activation.usualName), "hidden_dropout_prob": .number(hiddenDropout),
      "attention_probs_dropout_prob": .number(attentionDropout),
      "pad_token_id": .integer(paddingID), "initializer_range": .number(initializerRange),
    ]
    if !form.hasTokenTypes { members["type_vocab_size"] = nil }
    if form.hasRelativePositions {
      members["relative_attention_num_buckets"] = .integer(RelativePositions.bucketCount)
    }
    return .object(members)
  }
}
