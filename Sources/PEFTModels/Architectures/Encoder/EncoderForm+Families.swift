extension EncoderForm {
  static let bert = EncoderForm(className: "Bert", prefix: "bert.")

  /// RoBERTa, or a family that differs from it in its vocabulary alone.
  static func roberta(_ className: String) -> EncoderForm {
    EncoderForm(
      className: className, prefix: "roberta.", countsFromPadding: true,
      classifierMap: ClassifierMap(), predictions: .roberta)
  }

  static let mpnet = EncoderForm(
    className: "MPNet", prefix: "mpnet.", countsFromPadding: true, hasTokenTypes: false,
    hasRelativePositions: true, keys: EncoderKeys(classifierDropout: nil),
    layer: EncoderLayerNames(
      query: "attention.attn.q", key: "attention.attn.k", value: "attention.attn.v",
      attentionOutput: "attention.attn.o", attentionNorm: "attention.LayerNorm"),
    classifierMap: ClassifierMap(), predictions: .roberta)

  static let distilBERT = EncoderForm(
    className: "DistilBert", prefix: "distilbert.", hasTokenTypes: false,
    keys: EncoderKeys(
      hiddenSize: "dim", layerCount: "n_layers", headCount: "n_heads",
      intermediateSize: "hidden_dim", activation: "activation", epsilon: nil,
      hiddenDropout: "dropout", attentionDropout: "attention_dropout",
      classifierDropout: "seq_classif_dropout"),
    encoder: "transformer", dropsAttention: false,
    layer: EncoderLayerNames(
      query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin",
      attentionOutput: "attention.out_lin", attentionNorm: "sa_layer_norm",
      intermediate: "ffn.lin1", output: "ffn.lin2", outputNorm: "output_layer_norm"),
    classifierMap: ClassifierMap(
      name: "pre_classifier", output: "classifier", activation: .relu, dropsInput: false),
    usualClassifierDropout: 0.2, sharesClassifierDropout: false,
    predictions: PredictionNames(
      prefix: "", dense: "vocab_transform", norm: "vocab_layer_norm", bias: "vocab_projector.bias",
      outputLayer: "vocab_projector"))

  static let electra = EncoderForm(
    className: "Electra", prefix: "electra.", keys: EncoderKeys(embeddingSize: "embedding_size"),
    classifierMap: ClassifierMap(activation: .gelu),
    predictions: PredictionNames(
      prefix: "", dense: "generator_predictions.dense", norm: "generator_predictions.LayerNorm",
      bias: "generator_lm_head.bias", outputLayer: "generator_lm_head", activation: .gelu))

  static let albert = EncoderForm(
    className: "Albert", prefix: "albert.",
    keys: EncoderKeys(
      embeddingSize: "embedding_size", distinctLayerCount: "num_hidden_groups",
      usualActivation: "gelu_new", usualDropout: 0, classifierDropout: "classifier_dropout_prob"),
    layerPath: { "albert_layer_groups.\($0).albert_layers.0" },
    projection: Projection(name: "encoder.embedding_hidden_mapping_in", isAlways: true),
    pooler: "pooler", dropsFeedForward: false,
    layer: EncoderLayerNames(
      query: "attention.query", key: "attention.key", value: "attention.value",
      attentionOutput: "attention.dense", attentionNorm: "attention.LayerNorm",
      intermediate: "ffn", output: "ffn_output", outputNorm: "full_layer_layer_norm"),
    usualClassifierDropout: 0.1,
    predictions: PredictionNames(
      prefix: "predictions.", dense: "predictions.dense", norm: "predictions.LayerNorm",
      bias: "predictions.bias", outputLayer: "predictions.decoder"))
}

extension PredictionNames {
  /// RoBERTa's head uses the exact GELU, whatever the activation of its layers.
  static let roberta = PredictionNames(
    prefix: "lm_head.", dense: "lm_head.dense", norm: "lm_head.layer_norm", bias: "lm_head.bias",
    outputLayer: "lm_head.decoder", activation: .gelu)
}
