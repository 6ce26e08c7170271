import PEFTRuntime
import PEFTText
import Testing

@Suite("Settings beside a tokenizer's files")
struct TokenizerSettingsTests {
  private static let pieces =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "film"].joined(separator: "\n")
  private static let bytes = #"{"<s>": 0, "</s>": 1, "<|endoftext|>": 2, "a": 3, "b": 4, "ab": 5}"#
  private static let document = """
    {"added_tokens": [], "normalizer": {"type": "BertNormalizer"},
     "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null,
     "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}}}
    """

  private static func bert(_ files: [String: String]) throws -> Tokenizer {
    try TokenizerFixture.load(["vocab.txt": pieces].merging(files) { $1 })
  }

  private static func bytePairs(_ files: [String: String]) throws -> Tokenizer {
    try TokenizerFixture.load(
      ["vocab.json": bytes, "merges.txt": "a b\n"].merging(files) { $1 })
  }

  @Test("there are tokenizers of many kinds")
  func fixtures() throws {
    #expect(SettingsFixture.all.count >= 50)
    for fixture in SettingsFixture.all { #expect(try fixture.cases().count == 19) }
  }

  @Test("ids, token types and truncation are the reference's", arguments: SettingsFixture.all)
  func reference(_ fixture: SettingsFixture) throws {
    let tokenizer = try TokenizerFixture.load(fixture.files())
    for (index, row) in try fixture.cases().enumerated() {
      let encoding = tokenizer.encode(row.text, pair: row.pair, maximumLength: row.maximumLength)
      #expect(encoding.ids == row.ids, "case \(index): \(row.text.debugDescription)")
      if let types = row.typeIDs { #expect(encoding.typeIDs == types, "case \(index)") }
      let whole = tokenizer.encode(row.text, pair: row.pair)
      #expect(encoding.truncated == whole.ids.count - encoding.ids.count)
      #expect(encoding.ids.allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) })
    }
  }

  @Test("a text given as words loses its beginning if the settings say so")
  func wordsCutLeft() throws {
    let tokenizer = try Self.bert(["tokenizer_config.json": #"{"truncation_side": "left"}"#])
    let encoding = tokenizer.encode(words: ["a", "b", "film"], maximumLength: 4)
    #expect(encoding.ids == [2, 6, 7, 3] && encoding.wordIndices == [nil, 1, 2, nil])
    #expect(encoding.truncated == 1)
  }

  @Test("objects in special_tokens_map.json are tokens with flags")
  func objects() throws {
    let tokenizer = try Self.bert([
      "special_tokens_map.json": """
      {"additional_special_tokens": [{"content": "<x>", "lstrip": true, "rstrip": false,
       "normalized": false, "single_word": false}, "<y>"]}
      """
    ])
    #expect(tokenizer.encode("a <x>b <y>").ids == [2, 5, 8, 6, 9, 3])
    #expect(tokenizer.files == ["vocab.txt", "special_tokens_map.json"])
  }

  @Test("beside a tokenizer.json, special tokens of the settings that it has are recognised")
  func namedBesideDocument() throws {
    let named = try TokenizerFixture.load([
      "tokenizer.json": Self.document, "tokenizer_config.json": #"{"sep_token": "[SEP]"}"#,
    ])
    #expect(named.encode("a[SEP]").ids == [1, 3, 2, 2])
    #expect(named.vocabularySize == 4)
    let plain = try TokenizerFixture.load(["tokenizer.json": Self.document])
    #expect(plain.encode("a[SEP]").ids != [1, 3, 2, 2])
  }

  @Test("added tokens of SentencePiece's files follow the pieces")
  func addedToPieces() throws {
    let name = "sentencepiece.bpe.model"
    let fixture = try #require(StageFixture.all.first { $0.testDescription == name })
    var files = try fixture.files()
    let count = try TokenizerFixture.load(files).vocabularySize
    files["added_tokens.json"] = Array(#"{"newtok1": \#(count)}"#.utf8)
    files["special_tokens_map.json"] = Array(#"{"mask_token": "<mask>"}"#.utf8)
    let tokenizer = try TokenizerFixture.load(files)
    #expect(tokenizer.vocabularySize == count + 1)
    #expect(tokenizer.encode("newtok1<mask>").ids == [0, Int32(count), Int32(count - 1), 2])
  }

  /// A file, its content, and the place that the error names.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let file: String
    let content: String
    let place: String
    var kind = FileError.Kind.unsupported
    var testDescription: String { content }
  }

  private static func settings(
    _ content: String, _ place: String, _ kind: FileError.Kind = .unsupported
  ) -> Refusal {
    Refusal(file: "tokenizer_config.json", content: content, place: place, kind: kind)
  }

  private static func classes(_ names: [String]) -> [Refusal] {
    names.map { settings(#"{"tokenizer_class": "\#($0)"}"#, "tokenizer_class") }
  }

  private static let classesOfPieces = classes([
    "BertJapaneseTokenizer", "TapasTokenizer", "BasicTokenizer", "PreTrainedTokenizerFast",
    "RoFormerTokenizer", "GPT2Tokenizer", "RobertaTokenizerFast", "FunnelTokenizer", "MyTokenizer",
  ])

  private static let settingsOfPieces: [Refusal] = [
    settings(#"{"do_basic_tokenize": false}"#, "do_basic_tokenize"),
    settings(#"{"never_split": ["film"]}"#, "never_split"),
    settings(#"{"clean_text": false}"#, "clean_text"),
    settings(#"{"wordpieces_prefix": "@@"}"#, "wordpieces_prefix"),
    settings(#"{"auto_map": {"AutoTokenizer": ["mine.MyTokenizer", null]}}"#, "auto_map"),
    settings(#"{"word_tokenizer_type": "mecab"}"#, "word_tokenizer_type"),
    settings(#"{"remove_digits": true}"#, "remove_digits"),
    settings(#"{"do_lower_case": "yes"}"#, "do_lower_case", .malformed),
    settings(#"{"truncation_side": "both"}"#, "truncation_side", .malformed),
    settings(#"{"cls_token": null}"#, "cls_token", .malformed),
    settings(#"{"cls_token": 7}"#, "cls_token", .malformed),
    settings(#"{"additional_special_tokens": "x"}"#, "additional_special_tokens", .malformed),
    settings(#"{"additional_special_tokens": [7]}"#, "additional_special_tokens", .malformed),
    settings(#"{"added_tokens_decoder": {"x": "y"}}"#, "added_tokens_decoder", .malformed),
    settings(#"{"added_tokens_decoder": [1]}"#, "added_tokens_decoder", .malformed),
    settings("[]", "", .malformed),
    Refusal(
      file: "added_tokens.json", content: #"{"x": 5}"#, place: "token \"x\"", kind: .malformed),
    Refusal(
      file: "added_tokens.json", content: #"{"a": 9}"#, place: "added_tokens", kind: .malformed),
    Refusal(
      file: "added_tokens.json", content: #"{"x": -1}"#, place: "token \"x\"", kind: .malformed),
    Refusal(file: "added_tokens.json", content: #"["x"]"#, place: "", kind: .malformed),
    Refusal(
      file: "config.json", content: #"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
      place: "tokenizer_class"),
    Refusal(file: "config.json", content: #"{"model_type": "tapas"}"#, place: "model_type"),
  ]

  @Test(
    "beside word pieces, what changes ids otherwise is refused by name",
    arguments: classesOfPieces + settingsOfPieces)
  func refusedPieces(_ refusal: Refusal) throws {
    let error = try #require(throws: FileError.self) {
      try Self.bert([refusal.file: refusal.content])
    }
    #expect(error.kind == refusal.kind && error.place == refusal.place)
    #expect(!error.reason.isEmpty && !error.remedy.isEmpty)
  }

  private static let classesOfBytes = classes([
    "HerbertTokenizer", "XLMTokenizer", "CTRLTokenizer", "OpenAIGPTTokenizer",
    "BlenderbotTokenizer", "BertTokenizer", "LlamaTokenizerFast", "WhisperTokenizer",
  ])

  private static let settingsOfBytes: [Refusal] = [
    settings(#"{"add_prefix_space": 1}"#, "add_prefix_space", .malformed),
    settings(#"{"dropout": 0.1}"#, "dropout"),
    settings(#"{"end_of_word_suffix": "</w>"}"#, "end_of_word_suffix"),
    settings(#"{"splits_numbers": "yes"}"#, "splits_numbers"),
    Refusal(file: "config.json", content: #"{"model_type": "xlm"}"#, place: "model_type"),
  ]

  @Test(
    "beside byte pairs, what changes ids otherwise is refused by name",
    arguments: classesOfBytes + settingsOfBytes)
  func refusedBytes(_ refusal: Refusal) throws {
    let error = try #require(throws: FileError.self) {
      try Self.bytePairs([refusal.file: refusal.content])
    }
    #expect(error.kind == refusal.kind && error.place == refusal.place)
    #expect(!error.reason.isEmpty && !error.remedy.isEmpty)
  }

  private static let ofDocument: [Refusal] = [
    settings(#"{"tokenizer_class": "BertJapaneseTokenizer"}"#, "tokenizer_class"),
    settings(#"{"tokenizer_class": "XLMTokenizer"}"#, "tokenizer_class"),
    settings(#"{"add_bos_token": true}"#, "add_bos_token"),
    settings(#"{"tokenizer_class": "LlamaTokenizer", "add_eos_token": true}"#, "add_eos_token"),
    settings(#"{"additional_special_tokens": ["<x>"]}"#, "additional_special_tokens"),
    settings(#"{"added_tokens_decoder": {"4": {"content": "<x>"}}}"#, "added_tokens_decoder"),
    Refusal(file: "config.json", content: #"{"model_type": "xlm"}"#, place: "model_type"),
  ]

  @Test(
    "beside a tokenizer.json, a class that does not read it and a contradiction are refused",
    arguments: ofDocument)
  func refusedBesideDocument(_ refusal: Refusal) throws {
    let error = try #require(throws: FileError.self) {
      try TokenizerFixture.load(["tokenizer.json": Self.document, refusal.file: refusal.content])
    }
    #expect(error.kind == .unsupported && error.place == refusal.place)
  }

  @Test("beside a tokenizer.json, other classes and settings change nothing")
  func harmlessBesideDocument() throws {
    let plain = try TokenizerFixture.load(["tokenizer.json": Self.document])
    for settings in [
      #"{"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": false, "mine": true}"#,
      #"{"tokenizer_class": "BertTokenizer", "add_bos_token": true, "do_basic_tokenize": false}"#,
      #"{"tokenizer_class": "HerbertTokenizerFast", "never_split": ["a"]}"#,
    ] {
      let other = try TokenizerFixture.load([
        "tokenizer.json": Self.document, "tokenizer_config.json": settings,
      ])
      #expect(other.encode("a b A").ids == plain.encode("a b A").ids)
    }
  }
}
