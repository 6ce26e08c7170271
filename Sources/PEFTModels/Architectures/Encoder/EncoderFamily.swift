extension EncoderConfiguration {
  /// A model family.
  public enum Family: String, CaseIterable, Hashable, Sendable {
    /// Devlin et al. 2018.
    case bert
    /// Liu et al. 2019.
    case roberta
    /// Conneau et al. 2019: RoBERTa with a vocabulary of a hundred languages.
    case xlmRoBERTa = "xlm-roberta"
    /// Martin et al. 2019: RoBERTa with a French vocabulary.
    case camemBERT = "camembert"
    /// Song et al. 2020.
    case mpnet
    /// Sanh et al. 2019: BERT with half of its layers, without token types and pooler.
    case distilBERT = "distilbert"
    /// Lan et al. 2019: BERT whose layers share their parameters, with narrow tables of embeddings.
    case albert
    /// Clark et al. 2020: BERT trained to find replaced tokens, with narrow tables of embeddings in
    /// small models.
    case electra
  }
}

extension EncoderConfiguration.Family {
  /// What differs between the families besides sizes.
  var form: EncoderForm {
    switch self {
    case .bert: .bert
    case .roberta: .roberta("Roberta")
    case .xlmRoBERTa: .roberta("XLMRoberta")
    case .camemBERT: .roberta("Camembert")
    case .mpnet: .mpnet
    case .distilBERT: .distilBERT
    case .electra: .electra
    case .albert: .albert
    }
  }
}
