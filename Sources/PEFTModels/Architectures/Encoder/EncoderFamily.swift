extension EncoderConfiguration {
  /// A model family.
  public enum Family: String, CaseIterable, Hashable, Sendable {
    /// Devlin et al. 2018.
    case bert
    /// Liu et al. 2019.
    case roberta
    /// Song et al. 2020.
    case mpnet
  }
}

/// What differs between the families.
extension EncoderConfiguration.Family {
  /// The start of the names of transformers' classes.
  var className: String {
    switch self {
    case .bert: "Bert"
    case .roberta: "Roberta"
    case .mpnet: "MPNet"
    }
  }

  /// Whether positions begin after the padding token, and the heads are RoBERTa's; otherwise they
  /// are BERT's.
  var followsRoBERTa: Bool { self != .bert }

  /// Whether tokens have a type, and a table for it.
  var hasTokenTypes: Bool { self != .mpnet }

  /// Whether attention scores have a bias that depends on the distance between the tokens.
  var hasRelativePositions: Bool { self == .mpnet }

  /// The paths of a layer's attention maps, and of the norm after them.
  var attentionPaths: (query: String, key: String, value: String, output: String, norm: String) {
    self == .mpnet
      ? (
        "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
        "attention.LayerNorm"
      )
      : (
        "attention.self.query", "attention.self.key", "attention.self.value",
        "attention.output.dense", "attention.output.LayerNorm"
      )
  }
}
