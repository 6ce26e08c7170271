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
}

extension PredictionNames {
  /// RoBERTa's head uses the exact GELU, whatever the activation of its layers.
  static let roberta = PredictionNames(
    prefix: "lm_head.", dense: "lm_head.dense", norm: "lm_head.layer_norm", bias: "lm_head.bias",
    outputLayer: "lm_head.decoder", activation: .gelu)
}
