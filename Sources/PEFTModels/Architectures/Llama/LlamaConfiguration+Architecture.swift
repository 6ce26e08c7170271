import PEFTNetwork
import PEFTTensor
import PEFTText

extension LlamaConfiguration: Architecture {
  /// `llama`.
  public static var modelTypes: [String] { ["llama"] }

  /// `llama`.
  public var modelType: String { "llama" }

  /// How large the model is.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: positionCount, hidden: hiddenSize,
      layers: layerCount, heads: headCount, keyValueHeads: keyValueHeadCount,
      headWidth: headWidth, inner: intermediateSize, innerMaps: 3,
      tableRows: tiesOutput ? vocabularySize : 2 * vocabularySize)
  }

  /// The names of transformers' Llama. A checkpoint may have heads, and frequencies that its first
  /// versions stored.
  public var naming: CheckpointNaming {
    CheckpointNaming(
      prefix: Llama.prefix, outputLayer: Self.outputLayer, classifierWeights: ["score.weight"],
      tokenClassifierWeight: "score.weight",
      classifierClass: "LlamaForSequenceClassification",
      tokenClassifierClass: "LlamaForTokenClassification", languageClass: "LlamaForCausalLM"
    ) { bareName in
      bareName == Self.outputLayer + ".weight" || bareName.hasPrefix("score.")
        || bareName.hasSuffix(".rotary_emb.inv_freq")
    }
  }

  private static let outputLayer = "lm_head"

  /// The last token.
  public var usualPooling: Pooling { .last }

  /// The maps onto queries and values.
  public var usualTargets: [String] { ["q_proj", "v_proj"] }

  /// The maps onto keys and values, and the map back of the feed-forward network.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (["k_proj", "v_proj", "down_proj"], ["down_proj"])
  }

  /// True.
  public var isCausal: Bool { true }

  /// `initializerRange` for all.
  public func deviation(of name: String) -> Double { initializerRange }

  /// No special tokens around a text, whatever the vocabulary holds, unless the tokenizer's file
  /// asks for them. A text ends with the token that the configuration names: vocabularies of models
  /// that hold conversations have several.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.leaveTextsBare(end: endID)
    if tokenizer.special.begin == nil, let endID { tokenizer.useBareTexts(end: Int32(endID)) }
  }

  /// A `Llama`.
  public func makeBackbone() -> any Backbone { Llama(configuration: self) }

  /// A classifier of texts without a bias, one of tokens, or a language model whose output layer is
  /// the word table or a matrix of its own.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    switch output {
    case .classes(let count, let pooling):
      ClassificationHead(
        pooling: pooling,
        output: LinearLayer(name: "score", inputs: hiddenSize, outputs: count, hasBias: false))
    case .tokenClasses(let count):
      TokenClassificationHead(
        output: LinearLayer(name: "score", inputs: hiddenSize, outputs: count))
    case .vocabulary:
      tiesOutput
        ? CausalLanguageHead(table: backbone.wordTable)
        : CausalLanguageHead(
          own: Parameter(
            name: Self.outputLayer + ".weight",
            value: Tensor(zeros: [vocabularySize, hiddenSize])))
    }
  }
}

extension ModelConfiguration {
  /// A model of Llama's kind.
  public static func llama(_ configuration: LlamaConfiguration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
