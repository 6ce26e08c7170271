import PEFTRuntime

/// A `tokenizer.json`. What it asks for and this package does not do is refused by name.
struct TokenizerDocument {
  private let path: String
  private let root: JSONValue

  init(_ bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    root = try JSONValue(parsing: bytes, path: path)
  }

  func tokenizer() throws(FileError) -> Tokenizer {
    guard let model = root["model"] else { throw malformed("model", "it is missing") }
    // Early files carry no type; a list of merges tells BPE.
    let type = model["type"]?.string ?? (model["merges"] == nil ? "WordPiece" : "BPE")
    guard ["BPE", "WordPiece"].contains(type) else {
      throw unsupported("model.type", "the model \"\(type)\"")
    }
    guard let tokens = model["vocab"]?.object else {
      throw malformed("model.vocab", "it is not an object of tokens and ids")
    }
    let added = try addedTokens()
    let vocabulary = try vocabulary(tokens, added: added)
    let parts: Tokenizer.Model =
      if type == "BPE" {
        .byteLevelBPE(try byteLevelBPE(model, vocabulary: vocabulary))
      } else {
        .wordPiece(try wordPiece(model, vocabulary: vocabulary))
      }
    var tokenizer = try Tokenizer(
      model: parts, vocabulary: vocabulary, added: added, files: ["tokenizer.json"], path: path)
    tokenizer.namesSpecialTokens = try namesSpecialTokens(tokenizer)
    return tokenizer
  }

  /// Whether special tokens stand around a text; nil where the file does not say. Throws where it
  /// has others than the family's.
  private func namesSpecialTokens(_ tokenizer: Tokenizer) throws(FileError) -> Bool? {
    let processor = root["post_processor"]
    let processors =
      processor?["type"] == .string("Sequence") ? processor?["processors"]?.array : nil
    var isNamed: Bool?
    for part in processors ?? [processor ?? .null] where part != .null {
      switch part["type"]?.string {
      // Leaves the tokens as they are.
      case "ByteLevel": break
      case "RobertaProcessing" where tokenizer.family == .roberta: isNamed = true
      case "BertProcessing" where tokenizer.family == .bert: isNamed = true
      case "TemplateProcessing":
        let (begin, end) = (tokenizer.special.begin, tokenizer.special.end)
        let wanted: (single: [Int32?], pair: [Int32?]) =
          switch tokenizer.family {
          case .bert: ([begin, nil, end], [begin, nil, end, nil, end])
          case .roberta: ([begin, nil, end], [begin, nil, end, end, nil, end])
          case .gpt2: ([], [])
          }
        let single = template(part["single"], tokenizer)
        let pair =
          isPresent(part["pair"]) ? template(part["pair"], tokenizer) ?? [] : nil
        if single == [nil], pair == nil || pair == [nil, nil] {
          isNamed = false
          continue
        }
        guard single == wanted.single, pair == nil || pair == wanted.pair else {
          throw unsupported("post_processor", "a template that is not that of the family")
        }
        isNamed = true
      default: throw unsupported("post_processor", name(of: part))
      }
    }
    return isNamed
  }

  /// The ids of a template's special tokens, and nil for the texts, in order; nil for
  /// what is no template.
  private func template(_ value: JSONValue?, _ tokenizer: Tokenizer) -> [Int32?]? {
    guard let parts = value?.array else { return nil }
    var result: [Int32?] = []
    for part in parts {
      if part["Sequence"] != nil {
        result.append(nil)
      } else if let token = part["SpecialToken"]?["id"]?.string,
        let id = tokenizer.vocabulary.id(of: token)
      {
        result.append(id)
      } else {
        return nil
      }
    }
    return result
  }

  /// The model's tokens and, behind them, the added ones that it lacks.
  private func vocabulary(
    _ tokens: JSONObject, added: [AddedTokens.Token]
  ) throws(FileError) -> Vocabulary {
    var tokens = tokens
    for token in added {
      if let id = tokens[token.content], id.integer != Int(token.id) {
        throw malformed("added_tokens", "\"\(token.content)\" has another id in the vocabulary")
      }
      tokens[token.content] = .integer(Int(token.id))
    }
    return try Vocabulary(tokens, path: path)
  }

  private func addedTokens() throws(FileError) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    for entry in root["added_tokens"]?.array ?? [] {
      guard let content = entry["content"]?.string, !content.isEmpty,
        let id = entry["id"]?.integer.flatMap(Int32.init(exactly:)), id >= 0
      else { throw malformed("added_tokens", "an entry has no content or no id") }
      if entry["single_word"]?.bool == true {
        throw unsupported("added_tokens", "single_word in \"\(content)\"")
      }
      if entry["normalized"]?.bool == true, isPresent(root["normalizer"]) {
        throw unsupported("added_tokens", "normalized in \"\(content)\"")
      }
      tokens.append(
        AddedTokens.Token(
          content: content, id: id, stripsLeft: entry["lstrip"]?.bool ?? false,
          stripsRight: entry["rstrip"]?.bool ?? false))
    }
    return tokens
  }

  private func byteLevelBPE(
    _ model: JSONValue, vocabulary: Vocabulary
  ) throws(FileError) -> ByteLevelBPE {
    for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
      if isPresent(model[key]), model[key] != .string("") {
        throw unsupported("model.\(key)", model[key]?.text() ?? "")
      }
    }
    for key in ["byte_fallback", "ignore_merges"] where model[key]?.bool == true {
      throw unsupported("model.\(key)", "true")
    }
    if isPresent(root["normalizer"]) {
      throw unsupported("normalizer", name(of: root["normalizer"]))
    }
    guard let splitter = root["pre_tokenizer"], splitter["type"] == .string("ByteLevel"),
      splitter["use_regex"]?.bool != false
    else { throw unsupported("pre_tokenizer", name(of: root["pre_tokenizer"])) }
    return try ByteLevelBPE(
      vocabulary: vocabulary, pairs: merges(model),
      unknown: model["unk_token"]?.string.flatMap(vocabulary.id(of:)),
      addsPrefixSpace: splitter["add_prefix_space"]?.bool ?? true, path: path)
  }

  /// Merges stand as `"a b"` or as `["a", "b"]`.
  private func merges(
    _ model: JSONValue
  ) throws(FileError) -> [(left: String, right: String, place: String)] {
    guard let entries = model["merges"]?.array else {
      throw malformed("model.merges", "it is missing or not a list")
    }
    var pairs: [(left: String, right: String, place: String)] = []
    for (index, entry) in entries.enumerated() {
      let parts =
        entry.string.map {
          $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        }
        ?? entry.array?.compactMap(\.string) ?? []
      guard parts.count == 2 else {
        throw malformed("model.merges[\(index)]", "not a pair of tokens")
      }
      pairs.append((parts[0], parts[1], "model.merges[\(index)]"))
    }
    return pairs
  }

  private func wordPiece(
    _ model: JSONValue, vocabulary: Vocabulary
  ) throws(FileError) -> WordPiece {
    guard let unknown = vocabulary.id(of: model["unk_token"]?.string ?? "[UNK]") else {
      throw malformed("model.unk_token", "the vocabulary does not have it")
    }
    guard root["pre_tokenizer"]?["type"] == .string("BertPreTokenizer") else {
      throw unsupported("pre_tokenizer", name(of: root["pre_tokenizer"]))
    }
    guard let normalizer = root["normalizer"], normalizer["type"] == .string("BertNormalizer")
    else {
      throw unsupported("normalizer", name(of: root["normalizer"]))
    }
    let lowercases = normalizer["lowercase"]?.bool ?? true
    return WordPiece(
      vocabulary: vocabulary,
      normalizer: BERTNormalizer(
        cleansText: normalizer["clean_text"]?.bool ?? true,
        separatesIdeographs: normalizer["handle_chinese_chars"]?.bool ?? true,
        stripsAccents: normalizer["strip_accents"]?.bool ?? lowercases, lowercases: lowercases),
      unknown: unknown, continuation: model["continuing_subword_prefix"]?.string ?? "##",
      longestWord: model["max_input_chars_per_word"]?.integer ?? 100)
  }

  private func isPresent(_ value: JSONValue?) -> Bool { value != nil && value != .null }

  private func name(of component: JSONValue?) -> String {
    component?["type"]?.string.map { "\"\($0)\"" } ?? component?.text() ?? "none"
  }

  private func malformed(_ place: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: place, reason: reason,
      remedy: "use the file that came with the model")
  }

  private func unsupported(_ place: String, _ what: String) -> FileError {
    FileError(
      .unsupported, path: path, place: place, reason: "\(what) is not supported",
      remedy: "use a model of the RoBERTa, BERT or GPT-2 family")
  }
}
