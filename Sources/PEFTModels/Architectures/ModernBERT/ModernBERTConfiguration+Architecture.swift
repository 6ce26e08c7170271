import PEFTNetwork
import PEFTTensor
import PEFTText

extension ModernBERTConfiguration: Architecture {
  /// `modernbert`.
  public static var modelTypes: [String] { ["modernbert"] }

  /// Encoders with rotary positions.
  public static var relatives: [String: String] {
    ["eurobert": "modernbert", "nomic_bert": "modernbert"]
  }

  /// `modernbert`.
  public var modelType: String { "modernbert" }

  /// The sizes of the model.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: positionCount, hidden: hiddenSize,
      layers: layerCount, heads: headCount, inner: intermediateSize, innerMaps: 3,
      tableRows: vocabularySize)
  }

  /// The names used by transformers. A checkpoint may also contain heads.
  public var naming: CheckpointNaming {
    CheckpointNaming(
      prefix: ModernBERT.prefix, modules: ["embeddings", "layers", "final_norm"],
      outputLayer: ModernBERTHead.outputLayer, classifierWeights: ["classifier.weight"],
      tokenClassifierWeight: "classifier.weight",
      classifierClass: "ModernBertForSequenceClassification",
      tokenClassifierClass: "ModernBertForTokenClassification",
      languageClass: "ModernBertForMaskedLM"
    ) { bareName in
      ["head.", "decoder.", "classifier."].contains { bareName.hasPrefix($0) }
    }
  }

  /// What the configuration says: the mean of the tokens in the published models.
  public var usualPooling: Pooling { pooling }

  /// The joint query-key-value projection.
  public var usualTargets: [String] { ["Wqkv"] }

  /// The joint query-key-value projection, and the map out of the feed-forward block.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (["Wqkv", "mlp.Wo"], ["mlp.Wo"])
  }

  /// False.
  public var isCausal: Bool { false }

  /// `initializerRange`, divided by √(2 · layers) for the maps back to the residual stream and for
  /// the head; 1 / √h for a classifier's output.
  public func deviation(of name: String) -> Double {
    if name == "classifier.weight" { return 1 / Double(hiddenSize).squareRoot() }
    let isResidual = name.hasSuffix("Wo.weight") || name == "head.dense.weight"
    return initializerRange * (isResidual ? 1 / Double(2 * layerCount).squareRoot() : 1)
  }

  /// Rejects a tokenizer that puts no special tokens around a text, because models are trained with
  /// them.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.hasTokenTypes = false
    try tokenizer.requireSpecialTokens(directory: directory)
  }

  /// Creates a `ModernBERT`.
  public func makeBackbone() -> any Backbone { ModernBERT(configuration: self) }

  /// Creates a text classifier, a token classifier, a masked language model or a comparison of
  /// pairs.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    if case .pairs(let scoring, let pooling) = output {
      return PairHead(scoring, pooling: pooling, width: hiddenSize)
    }
    return ModernBERTHead(output, configuration: self, table: backbone.wordTable)
  }
}

extension ModelConfiguration {
  /// Creates the configuration of a ModernBERT.
  public static func modernBERT(_ configuration: ModernBERTConfiguration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
