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
    try file.refuse("inner_group_num", unless: .integer(1))
    if form.hasRelativePositions {
      try file.refuse(
        "relative_attention_num_buckets", unless: .integer(RelativePositions.bucketCount))
      // transformers counts positions after this token, whichever pads.
      try file.refuse("pad_token_id", unless: .integer(1))
    }
    let keys = form.keys
    activation = try file.activation(keys.activation, default: keys.usualActivation)
    vocabularySize = try file.count("vocab_size")
    hiddenSize = try file.count(keys.hiddenSize)
    embeddingSize = hiddenSize
    if let key = keys.embeddingSize { embeddingSize = try file.optionalCount(key) ?? 128 }
    layerCount = try file.count(keys.layerCount)
    distinctLayerCount = layerCount
    if let key = keys.distinctLayerCount { distinctLayerCount = try file.optionalCount(key) ?? 1 }
    headCount = try file.count(keys.headCount)
    intermediateSize = try file.count(keys.intermediateSize)
    positionCount = try file.count("max_position_embeddings")
    tokenTypeCount = form.hasTokenTypes ? try file.count("type_vocab_size") : 0
    epsilon = 1e-12
    if let key = keys.epsilon { epsilon = try file.fraction(key, default: epsilon) }
    hiddenDropout = try file.fraction(keys.hiddenDropout, default: keys.usualDropout)
    attentionDropout = try file.fraction(keys.attentionDropout, default: keys.usualDropout)
    classifierDropout = form.usualClassifierDropout
    if let key = keys.classifierDropout, let probability = try file.optionalFraction(key) {
      classifierDropout = probability
    }
    paddingID = try file.index("pad_token_id", default: form.countsFromPadding ? 1 : 0)
    initializerRange = try file.fraction("initializer_range", default: 0.02)
    labelNames = try file.labels()
    guard hiddenSize % headCount == 0 else {
      throw FileError(
        .malformed, path: file.path, place: keys.headCount,
        reason: "\(headCount) heads do not divide the hidden size \(hiddenSize)")
    }
    guard distinctLayerCount <= layerCount else {
      throw FileError(
        .malformed, path: file.path, place: keys.distinctLayerCount ?? keys.layerCount,
        reason: "\(layerCount) layers cannot be \(distinctLayerCount) different ones")
    }
    guard maximumLength > 0, paddingID < vocabularySize else {
      throw FileError(
        .malformed, path: file.path, place: "pad_token_id",
        reason: "\(paddingID) leaves no position or lies outside the vocabulary")
    }
  }

  /// The contents of a `config.json`.
  public var json: JSONValue {
    let keys = form.keys
    var members: JSONObject = [
      "architectures": .array([.string(naming.languageClass)]),
      "model_type": .string(family.rawValue), "vocab_size": .integer(vocabularySize),
      keys.hiddenSize: .integer(hiddenSize), keys.layerCount: .integer(layerCount),
      keys.headCount: .integer(headCount), keys.intermediateSize: .integer(intermediateSize),
      "max_position_embeddings": .integer(positionCount),
      keys.activation: .string(activation.usualName),
      keys.hiddenDropout: .number(hiddenDropout), keys.attentionDropout: .number(attentionDropout),
      "pad_token_id": .integer(paddingID), "initializer_range": .number(initializerRange),
    ]
    if form.hasTokenTypes { members["type_vocab_size"] = .integer(tokenTypeCount) }
    if let key = keys.epsilon { members[key] = .number(epsilon) }
    if let key = keys.distinctLayerCount { members[key] = .integer(distinctLayerCount) }
    if let key = keys.embeddingSize { members[key] = .integer(embeddingSize) }
    if let key = keys.classifierDropout, let classifierDropout {
      members[key] = .number(classifierDropout)
    }
    if form.hasRelativePositions {
      members["relative_attention_num_buckets"] = .integer(RelativePositions.bucketCount)
    }
    return .object(members)
  }
}
