import PEFTNetwork
import PEFTTensor
import PEFTText

extension GPT2Configuration: Architecture {
  /// `gpt2`.
  public static var modelTypes: [String] { ["gpt2"] }

  /// Other decoders with layer norms.
  public static var relatives: [String: String] {
    let types = [
      "biogpt", "bloom", "codegen", "ctrl", "falcon", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj",
      "mpt", "openai-gpt", "opt", "xglm",
    ]
    return Dictionary(uniqueKeysWithValues: types.map { ($0, "gpt2") })
  }

  /// `gpt2`.
  public var modelType: String { "gpt2" }

  /// The sizes of the model.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: positionCount, hidden: hiddenSize,
      layers: layerCount, heads: headCount, inner: intermediateSize,
      tableRows: vocabularySize + positionCount)
  }

  /// The names used by transformers' GPT-2. A checkpoint may also contain causal masks and heads.
  public var naming: CheckpointNaming {
    CheckpointNaming(
      prefix: GPT2.prefix, modules: ["wte", "wpe", "h", "ln_f"], outputLayer: "lm_head",
      classifierWeights: ["score.weight"],
      tokenClassifierWeight: "classifier.weight",
      classifierClass: "GPT2ForSequenceClassification",
      tokenClassifierClass: "GPT2ForTokenClassification", languageClass: "GPT2LMHeadModel"
    ) { bareName in
      ["lm_head.", "score.", "classifier."].contains { bareName.hasPrefix($0) }
        || (bareName.hasPrefix("h.")
          && (bareName.hasSuffix(".attn.bias") || bareName.hasSuffix(".attn.masked_bias")))
    }
  }

  /// The last token.
  public var usualPooling: Pooling { .last }

  /// The joint query-key-value projection.
  public var usualTargets: [String] { ["c_attn"] }

  /// The joint query-key-value projection, and the map out of the feed-forward block.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (["c_attn", "mlp.c_proj"], ["mlp.c_proj"])
  }

  /// True.
  public var isCausal: Bool { true }

  /// `initializerRange`, multiplied by 1 / √(2 · layers) for the maps back to the residual stream.
  public func deviation(of name: String) -> Double {
    let isResidual = name.hasSuffix("c_proj.weight")
    return initializerRange * (isResidual ? 1 / Double(2 * layerCount).squareRoot() : 1)
  }

  /// Adds no special tokens to a text, whatever the vocabulary contains, unless the tokenizer's
  /// file asks for them.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.leaveTextsBare(end: endID)
  }

  /// Creates a `GPT2`.
  public func makeBackbone() -> any Backbone { GPT2(configuration: self) }

  /// Creates a text classifier without a bias, a token classifier, or a language model whose output
  /// layer is the word table.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    switch output {
    case .classes(let count, let pooling):
      ClassificationHead(
        pooling: pooling,
        output: LinearLayer(name: "score", inputs: hiddenSize, outputs: count, hasBias: false))
    case .tokenClasses(let count):
      TokenClassificationHead(
        output: LinearLayer(name: "classifier", inputs: hiddenSize, outputs: count))
    case .pairs(let scoring, let pooling):
      PairHead(scoring, pooling: pooling, width: hiddenSize)
    case .vocabulary: CausalLanguageHead(table: backbone.wordTable)
    }
  }
}

extension ModelConfiguration {
  /// Creates the configuration of a GPT-2 model.
  public static func gpt2(_ configuration: GPT2Configuration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
