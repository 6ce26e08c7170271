import PEFTNetwork
import PEFTTensor
import PEFTText

extension EncoderConfiguration: Architecture {
  /// Those of `Family`.
  public static var modelTypes: [String] { Family.allCases.map(\.rawValue) }

  /// Other encoders.
  public static var relatives: [String: String] {
    [
      "big_bird": "bert", "convbert": "bert",
      "deberta": "roberta", "deberta-v2": "roberta",
      "ernie": "bert", "funnel": "bert", "longformer": "roberta",
      "megatron-bert": "bert", "mobilebert": "bert",
      "roberta-prelayernorm": "roberta", "roformer": "bert", "squeezebert": "bert",
      "xlm-roberta-xl": "xlm-roberta", "xmod": "xlm-roberta",
    ]
  }

  /// The name of the family.
  public var modelType: String { family.rawValue }

  /// The sizes of the model.
  public var sizes: ModelSizes {
    ModelSizes(
      vocabulary: vocabularySize, positions: maximumLength, hidden: hiddenSize,
      layers: layerCount, distinctLayers: distinctLayerCount, heads: headCount,
      inner: intermediateSize,
      tableRows: vocabularySize + positionCount + tokenTypeCount, tableWidth: embeddingSize,
      otherElements: (form.hasRelativePositions ? RelativePositions.bucketCount * headCount : 0)
        + (projectsEmbeddings ? embeddingSize * hiddenSize : 0))
  }

  /// The names used by transformers. A checkpoint may also contain buffers, pretraining heads, a
  /// pooler that the head does not use, and heads of another kind.
  public var naming: CheckpointNaming {
    let name = form.className
    return CheckpointNaming(
      prefix: form.prefix, modules: ["embeddings", "embeddings_project", form.encoder, "pooler"],
      outputLayer: form.predictions.outputLayer,
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

  /// The query and value projections, also in families for which PEFT has no default.
  public var usualTargets: [String] { Self.last([form.layer.query, form.layer.value]) }

  /// The key and value projections, and the maps back to the residual stream.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    (Self.last([form.layer.key, form.layer.value]) + [form.layer.output], [form.layer.output])
  }

  /// The last components of paths.
  private static func last(_ paths: [String]) -> [String] {
    paths.compactMap { $0.split(separator: ".").last.map(String.init) }
  }

  /// False.
  public var isCausal: Bool { false }

  /// `initializerRange` for all matrices.
  public func deviation(of name: String) -> Double { initializerRange }

  /// Disables token types in the tokenizer if the model has only one. Rejects a tokenizer with more
  /// types than the model has, and one that puts no special tokens around a text, because the heads
  /// read them.
  public func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError) {
    tokenizer.hasTokenTypes = tokenTypeCount > 1
    try tokenizer.requireSpecialTokens(directory: directory)
    guard !tokenizer.hasTokenTypes || tokenizer.template.largestType < tokenTypeCount else {
      throw FileError(
        .malformed, path: directory,
        reason: "the tokenizer has the token type \(tokenizer.template.largestType), the model "
          + "\(tokenTypeCount) types from 0",
        remedy: "copy tokenizer and weights from the same model")
    }
  }

  /// Creates an `Encoder`.
  public func makeBackbone() -> any Backbone { Encoder(configuration: self) }

  /// Creates a text classifier, a token classifier or a masked language model. The text classifier
  /// that reads the first token is the family's own in transformers.
  public func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead {
    switch output {
    case .classes(let count, let pooling): return classifier(count, pooling: pooling)
    case .tokenClasses(let count):
      return TokenClassificationHead(
        output: LinearLayer(name: "classifier", inputs: hiddenSize, outputs: count),
        dropout: form.sharesClassifierDropout ? headDropout : hiddenDropout)
    case .pairs(let scoring, let pooling):
      return PairHead(scoring, pooling: pooling, width: hiddenSize)
    case .vocabulary: return MaskedLanguageHead(configuration: self, table: backbone.wordTable)
    }
  }

  /// Whether a linear map follows the tables of embeddings.
  var projectsEmbeddings: Bool { form.projection.isAlways || embeddingSize != hiddenSize }

  /// The dropout in the head of a text classifier.
  private var headDropout: Double { classifierDropout ?? hiddenDropout }

  private func classifier(_ count: Int, pooling: Pooling) -> ClassificationHead {
    func square(_ name: String) -> LinearLayer {
      LinearLayer(name: name, inputs: hiddenSize, outputs: hiddenSize)
    }
    let map = pooling == .first ? form.classifierMap : nil
    let before: ClassificationHead.Before =
      if let map {
        .hidden(square(map.name), map.activation, dropsInput: map.dropsInput)
      } else if pooling == .first {
        .pooler(square(form.prefix + form.pooler))
      } else {
        .nothing
      }
    return ClassificationHead(
      pooling: pooling, before: before,
      output: LinearLayer(
        name: map?.output ?? "classifier", inputs: hiddenSize, outputs: count),
      dropout: headDropout)
  }
}

extension ModelConfiguration {
  /// Creates the configuration of a model of BERT's kind.
  public static func encoder(_ configuration: EncoderConfiguration) -> ModelConfiguration {
    ModelConfiguration(configuration)
  }
}
