import PEFTRuntime

/// What the files of a learned byte-level vocabulary say about its special tokens.
extension SpecialTokenTemplate {
  /// The name by which `transformers` knows the tokenizer.
  var tokenizerClass: String { isBare ? "GPT2Tokenizer" : "RobertaTokenizer" }

  /// What each special token is for, by the names of `tokenizer_config.json`.
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

  /// What a `tokenizer.json` puts around the tokens of a text.
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
