import PEFTNetwork
import PEFTTensor
import PEFTText

extension EncoderConfiguration: Architecture {
  /// `bert` and `roberta`.
  public static var modelTypes: [String] { Family.allCases.map(\.rawValue) }

  /// `bert` or `roberta`.
  public var modelType: String { family.rawValue }

  /// How large the model is.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: maximumLength, hidden: hiddenSize,
      layers: layerCount, heads: headCount, inner: intermediateSize,
      tableRows: vocabularySize + positionCount + tokenTypeCount)
  }

  /// The names of transformers' BERT and RoBERTa. A checkpoint may have buffers, pretraining heads,
  /// a pooler that the head does not read, and heads of another form.
  public var naming: CheckpointNaming {
    let (isBERT, name) = (family == .bert, family == .bert ? "Bert" : "Roberta")
    return CheckpointNaming(
      prefix: family.rawValue + ".",
      outputLayer: isBERT ? "cls.predictions.decoder" : "lm_head.decoder",
      classifierWeights: ["classifier.out_proj.weight", "classifier.weight"],
      tokenClassifierWeight: "classifier.weight",
      classifierClass: name + "ForSequenceClassification",
      tokenClassifierClass: name + "ForTokenClassification", languageClass: name + "ForMaskedLM"
    ) { bareName in
      bareName == "embeddings.position_ids" || bareName == "embeddings.token_type_ids"
        || ["cls.", "lm_head.", "pooler.", "classifier."].contains { bareName.hasPrefix($0) }
    }
  }

  /// The first token.
  public var usualPooling: Pooling { .first }

  /// Query and value.
  public var usualTargets: [String] { ["query", "value"] }

  /// Keys, values, and the maps back into the residual stream.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (["key", "value", "output.dense"], ["output.dense"])
  }

  /// False.
  public var isCausal: Bool { false }

  /// `initializerRange` for all.
  public func deviation(of name: String) -> Double { initializerRange }

  /// Gives a model with one token type no other. A tokenizer that puts no special tokens around a
  /// text is refused: the heads read them.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.hasTokenTypes = tokenTypeCount > 1
    guard tokenizer.namesSpecialTokens != false else {
      throw FileError(
        .unsupported, path: directory + "/tokenizer.json", place: "post_processor",
        reason: "it puts no special tokens around a text, which this model's heads read",
        remedy: "use the file that came with the model")
    }
  }

  /// An `Encoder`.
  public func makeBackbone() -> any Backbone { Encoder(configuration: self) }

  /// A classifier as transformers has it for the family where it reads the first token, one of
  /// tokens, or a masked language model.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    let dropout = classifierDropout ?? hiddenDropout
    switch output {
    case .classes(let count, let pooling):
      return classifier(count, pooling: pooling, dropout: dropout)
    case .tokenClasses(let count):
      return TokenClassificationHead(
        output: LinearLayer(name: "classifier", inputs: hiddenSize, outputs: count),
        dropout: dropout)
    case .vocabulary: return MaskedLanguageHead(configuration: self, table: backbone.wordTable)
    }
  }

  private func classifier(
    _ count: Int, pooling: Pooling, dropout: Double
  ) -> ClassificationHead {
    func square(_ name: String) -> LinearLayer {
      LinearLayer(name: name, inputs: hiddenSize, outputs: hiddenSize)
    }
    let before: ClassificationHead.Before =
      switch (pooling, family) {
      case (.first, .bert): .pooler(square("bert.pooler.dense"))
      case (.first, .roberta): .hidden(square("classifier.dense"))
      default: .nothing
      }
    let name = if case .hidden = before { "classifier.out_proj" } else { "classifier" }
    return ClassificationHead(
      pooling: pooling, before: before,
      output: LinearLayer(name: name, inputs: hiddenSize, outputs: count),
      dropout: dropout)
  }
}

extension ModelConfiguration {
  /// A RoBERTa or BERT.
  public static func encoder(_ configuration: EncoderConfiguration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
