import PEFTNetwork
import PEFTTensor

extension ModernBERTConfiguration {
  /// Reads `config.json`, as transformers 4 or 5 writes it; see `Architecture`.
  public init(_ file: ConfigurationReader) throws(FileError) {
    try file.refuse("quantization_config", unless: .null)
    try file.refuse("rope_scaling", unless: .null)
    try file.refuse("tie_word_embeddings", unless: .bool(true))
    let layerCount = try file.count("num_hidden_layers")
    self.init(
      vocabularySize: try file.count("vocab_size"), hiddenSize: try file.count("hidden_size"),
      headCount: try file.count("num_attention_heads"),
      intermediateSize: try file.count("intermediate_size"),
      positionCount: try file.count("max_position_embeddings"),
      isLocal: try Self.localLayers(of: layerCount, file))
    window = try (file.optionalCount("local_attention") ?? 2 * window) / 2
    globalTheta = try Self.theta("full_attention", "global_rope_theta", globalTheta, file)
    localTheta = try Self.theta("sliding_attention", "local_rope_theta", localTheta, file)
    epsilon = try file.fraction("norm_eps", default: epsilon)
    hasNormShift = try file.flag("norm_bias", default: false)
    hasAttentionBias = try file.flag("attention_bias", default: false)
    hasInnerBias = try file.flag("mlp_bias", default: false)
    activation = try file.activation("hidden_activation", default: "gelu")
    hasHeadBias = try file.flag("classifier_bias", default: false)
    headActivation = try file.activation("classifier_activation", default: "gelu")
    hasOutputBias = try file.flag("decoder_bias", default: true)
    pooling = try Self.pooling(file)
    embeddingDropout = try file.fraction("embedding_dropout", default: 0)
    attentionDropout = try file.fraction("attention_dropout", default: 0)
    innerDropout = try file.fraction("mlp_dropout", default: 0)
    classifierDropout = try file.fraction("classifier_dropout", default: 0)
    initializerRange = try file.fraction("initializer_range", default: 0.02)
    paddingID = try file.optionalIndex("pad_token_id")
    labelNames = try file.labels()
    guard hiddenSize % headCount == 0, hiddenSize / headCount % 2 == 0 else {
      throw FileError(
        .malformed, path: file.path, place: "num_attention_heads",
        reason: "\(headCount) heads over the hidden size \(hiddenSize) have no even width")
    }
  }

  private static let kinds = ["full_attention", "sliding_attention"]

  /// Version 5 lists the kinds of the layers; in version 4, every n-th layer is global.
  private static func localLayers(
    of count: Int, _ file: ConfigurationReader
  ) throws(FileError) -> [Bool] {
    guard let types = try file.strings("layer_types") else {
      let distance = try file.optionalCount("global_attn_every_n_layers") ?? 3
      return (0..<count).map { $0 % distance != 0 }
    }
    guard types.count == count, types.allSatisfy(kinds.contains) else {
      throw FileError(
        .malformed, path: file.path, place: "layer_types",
        reason: "it does not say full_attention or sliding_attention for each of \(count) layers")
    }
    return types.map { $0 == kinds[1] }
  }

  private static func theta(
    _ kind: String, _ oldKey: String, _ usual: Double, _ file: ConfigurationReader
  ) throws(FileError) -> Double {
    let old = try file.positive(oldKey, default: usual)
    guard let rotary = try file.object("rope_parameters")?.object(kind) else { return old }
    try rotary.refuse("rope_type", unless: .string("default"))
    return try rotary.positive("rope_theta", default: old)
  }

  private static func pooling(_ file: ConfigurationReader) throws(FileError) -> Pooling {
    switch try file.string("classifier_pooling", default: "cls") {
    case "cls": return .first
    case "mean": return .mean
    case let other:
      throw FileError(
        .unsupported, path: file.path, place: "classifier_pooling",
        reason: "\"\(other)\" is not supported, only cls and mean",
        remedy: "use a model with one of them")
    }
  }

  /// The contents of a `config.json` that transformers 4 and 5 can both read.
  public var json: JSONValue {
    var members: JSONObject = [
      "architectures": .array([.string(naming.languageClass)]), "model_type": .string(modelType),
      "vocab_size": .integer(vocabularySize), "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "intermediate_size": .integer(intermediateSize),
      "max_position_embeddings": .integer(positionCount),
      "layer_types": .array(isLocal.map { .string(Self.kinds[$0 ? 1 : 0]) }),
      "local_attention": .integer(2 * window), "global_rope_theta": .number(globalTheta),
      "local_rope_theta": .number(localTheta), "norm_eps": .number(epsilon),
      "norm_bias": .bool(hasNormShift), "attention_bias": .bool(hasAttentionBias),
      "mlp_bias": .bool(hasInnerBias), "hidden_activation": .string(activation.usualName),
      "classifier_bias": .bool(hasHeadBias),
      "classifier_activation": .string(headActivation.usualName),
      "decoder_bias": .bool(hasOutputBias),
      "classifier_pooling": .string(pooling == .mean ? "mean" : "cls"),
      "embedding_dropout": .number(embeddingDropout),
      "attention_dropout": .number(attentionDropout), "mlp_dropout": .number(innerDropout),
      "classifier_dropout": .number(classifierDropout),
      "initializer_range": .number(initializerRange),
    ]
    if let paddingID { members["pad_token_id"] = .integer(paddingID) }
    return .object(members)
  }
}
