import PEFTRuntime

/// The parts of a learned byte-level vocabulary's files that concern special tokens.
extension SpecialTokenTemplate {
  /// The name of the tokenizer's class in `transformers`.
  var tokenizerClass: String { isBare ? "GPT2Tokenizer" : "RobertaTokenizer" }

  /// The special tokens, keyed by their roles in `tokenizer_config.json`.
  var roles: JSONObject {
    func name(_ token: String?) -> JSONValue { token.map { .string($0) } ?? .null }
    guard !isBare else {
      return ["bos_token": name(end), "eos_token": name(end), "unk_token": name(end)]
    }
    return [
      "bos_token": name(begin), "eos_token": name(end), "sep_token": name(end),
      "cls_token": name(begin), "unk_token": name(unknown), "pad_token": name(padding),
      "mask_token": name(mask),
    ]
  }

  /// The component of `tokenizer.json` that puts special tokens around a text.
  var postProcessor: JSONValue {
    guard !isBare else { return TrainedBPE.byteLevel }
    func token(_ token: String?) -> JSONValue {
      let id = token.flatMap(specialTokens.firstIndex(of:))
      return .array([.string(token ?? ""), .integer(id ?? 0)])
    }
    return .object([
      "type": .string("RobertaProcessing"), "sep": token(end), "cls": token(begin),
      "trim_offsets": .bool(true), "add_prefix_space": .bool(false),
    ])
  }
}
