import PEFTRuntime

/// A family of models with a byte-level vocabulary, and what its tokenizer files say beside it.
public enum ByteLevelFamily: String, CaseIterable, Hashable, Sendable {
  /// `<|endoftext|>` between texts, nothing around them.
  case gpt2
  /// `<s> a </s>`, and `<mask>` in place of a hidden token.
  case roberta

  /// The special tokens in the order of their ids, 0 and up.
  ///
  /// RoBERTa's own vocabulary has `<mask>` as its last token. Here it is number 4, so that the ids
  /// of special tokens do not depend on the size of the vocabulary.
  public var specialTokens: [String] {
    switch self {
    case .gpt2: ["<|endoftext|>"]
    case .roberta: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    }
  }

  /// The name by which `transformers` knows the tokenizer.
  var tokenizerClass: String {
    switch self {
    case .gpt2: "GPT2Tokenizer"
    case .roberta: "RobertaTokenizer"
    }
  }

  /// What each special token is for, by the names of `tokenizer_config.json`.
  var roles: JSONObject {
    switch self {
    case .gpt2:
      [
        "bos_token": .string("<|endoftext|>"), "eos_token": .string("<|endoftext|>"),
        "unk_token": .string("<|endoftext|>"),
      ]
    case .roberta:
      [
        "bos_token": .string("<s>"), "eos_token": .string("</s>"), "sep_token": .string("</s>"),
        "cls_token": .string("<s>"), "unk_token": .string("<unk>"), "pad_token": .string("<pad>"),
        "mask_token": .string("<mask>"),
      ]
    }
  }

  /// What a `tokenizer.json` puts around the tokens of a text.
  var postProcessor: JSONValue {
    switch self {
    case .gpt2: TrainedBPE.byteLevel
    case .roberta:
      .object([
        "type": .string("RobertaProcessing"),
        "sep": .array([.string("</s>"), .integer(2)]),
        "cls": .array([.string("<s>"), .integer(0)]),
        "trim_offsets": .bool(true), "add_prefix_space": .bool(false),
      ])
    }
  }
}
