import PEFTNetwork
import PEFTTensor
import PEFTText

extension LlamaConfiguration: Architecture {
  /// `llama`, `mistral`, `qwen2` and `qwen3`.
  public static var modelTypes: [String] { Family.allCases.map(\.rawValue) }

  /// Other decoders with rotary positions and gated feed-forward blocks.
  public static var relatives: [String: String] {
    [
      "cohere": "llama", "cohere2": "llama", "deepseek_v2": "llama", "deepseek_v3": "llama",
      "exaone4": "llama", "gemma": "llama", "gemma2": "llama", "gemma3": "llama",
      "gemma3_text": "llama", "gemma3n": "llama", "glm": "llama", "glm4": "llama",
      "granite": "llama", "helium": "llama", "internlm2": "llama", "lfm2": "llama",
      "llama4": "llama", "llama4_text": "llama", "ministral": "mistral", "mixtral": "mistral",
      "nemotron": "llama", "olmo": "llama", "olmo2": "llama", "olmo3": "llama", "phi": "llama",
      "phi3": "llama", "phimoe": "llama", "qwen2_moe": "qwen2", "qwen3_moe": "qwen3",
      "qwen3_next": "qwen3", "smollm3": "llama", "stablelm": "llama", "starcoder2": "llama",
    ]
  }

  /// `llama`, `mistral`, `qwen2` or `qwen3`.
  public var modelType: String { family.rawValue }

  /// The sizes of the model.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: positionCount, hidden: hiddenSize,
      layers: layerCount, heads: headCount, keyValueHeads: keyValueHeadCount,
      headWidth: headWidth, inner: intermediateSize, innerMaps: 3,
      tableRows: tiesOutput ? vocabularySize : 2 * vocabularySize)
  }

  /// The names used by transformers' Llama, Mistral and Qwen. A checkpoint may also contain heads,
  /// and the frequencies that early versions stored.
  public var naming: CheckpointNaming {
    CheckpointNaming(
      prefix: Llama.prefix, modules: ["embed_tokens", "layers", "norm", "rotary_emb"],
      outputLayer: Self.outputLayer, classifierWeights: ["score.weight"],
      tokenClassifierWeight: "score.weight",
      classifierClass: family.className + "ForSequenceClassification",
      tokenClassifierClass: family.className + "ForTokenClassification",
      languageClass: family.className + "ForCausalLM"
    ) { bareName in
      bareName == Self.outputLayer + ".weight" || bareName.hasPrefix("score.")
        || bareName.hasSuffix(".rotary_emb.inv_freq")
    }
  }

  private static let outputLayer = "lm_head"

  /// The last token.
  public var usualPooling: Pooling { .last }

  /// The query and value projections.
  public var usualTargets: [String] { ["q_proj", "v_proj"] }

  /// Two projections of the attention block, and the map out of the feed-forward block.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (family.usualScaledMaps + ["down_proj"], ["down_proj"])
  }

  /// True.
  public var isCausal: Bool { true }

  /// `initializerRange` for all matrices.
  public func deviation(of name: String) -> Double { initializerRange }

  /// Adds no special tokens to a text, whatever the vocabulary contains, unless the tokenizer's
  /// file asks for them. A text ends with the token that the configuration names, because the
  /// vocabularies of chat models contain several end tokens.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.leaveTextsBare(end: endID)
    guard tokenizer.namesSpecialTokens != true else { return }
    if tokenizer.special.begin == nil, let endID { tokenizer.useBareTexts(end: Int32(endID)) }
  }

  /// Creates a `Llama`.
  public func makeBackbone() -> any Backbone { Llama(configuration: self) }

  /// Creates a text classifier without a bias, a token classifier, or a language model whose output
  /// layer is the word table or a separate matrix.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    switch output {
    case .classes(let count, let pooling):
      ClassificationHead(
        pooling: pooling,
        output: LinearLayer(name: "score", inputs: hiddenSize, outputs: count, hasBias: false))
    case .tokenClasses(let count):
      TokenClassificationHead(
        output: LinearLayer(name: "score", inputs: hiddenSize, outputs: count))
    case .pairs(let scoring, let pooling):
      PairHead(scoring, pooling: pooling, width: hiddenSize)
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
  /// Creates the configuration of a Llama, Mistral or Qwen.
  public static func llama(_ configuration: LlamaConfiguration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
