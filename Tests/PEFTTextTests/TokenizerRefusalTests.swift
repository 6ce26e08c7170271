import PEFTText
import PEFTRuntime
import Testing

@Suite("What is not a tokenizer of this package is refused, with kind and place")
struct TokenizerRefusalTests {
  /// Files, and what the error says about them; an empty `place` stands for the file as a whole.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let files: [String: String]
    let kind: FileError.Kind
    let file: String
    let place: String
  }

  private static let vocabulary = #"{"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4}"#

  private static func document(
    model: String = #"{"type": "BPE", "vocab": \#(vocabulary), "merges": ["a b"]}"#,
    normalizer: String = "null", splitter: String = #"{"type": "ByteLevel"}"#,
    added: String = "[]", processor: String = "null"
  ) -> String {
    """
    {"added_tokens": \(added), "normalizer": \(normalizer), "pre_tokenizer": \(splitter),
     "post_processor": \(processor), "model": \(model)}
    """
  }

  /// A template of these parts: `A`, and special tokens by their names.
  private static func template(_ parts: String...) -> String {
    let items = parts.map {
      $0 == "A"
        ? #"{"Sequence": {"id": "A", "type_id": 0}}"#
        : #"{"SpecialToken": {"id": "\#($0)", "type_id": 0}}"#
    }
    return #"{"type": "TemplateProcessing", "single": [\#(items.joined(separator: ","))]}"#
  }

  private static func bare(
    _ name: String, vocabulary: String = vocabulary, merges: String = "a b\n",
    kind: FileError.Kind = .malformed, file: String, place: String = ""
  ) -> Refusal {
    Refusal(
      testDescription: name, files: ["vocab.json": vocabulary, "merges.txt": merges], kind: kind,
      file: file, place: place)
  }

  private static func document(
    _ name: String, _ text: String, kind: FileError.Kind, place: String
  ) -> Refusal {
    Refusal(
      testDescription: name, files: ["tokenizer.json": text], kind: kind, file: "tokenizer.json",
      place: place)
  }

  private static func pieces(_ name: String, _ text: String, place: String = "") -> Refusal {
    Refusal(
      testDescription: name, files: ["vocab.txt": text], kind: .malformed, file: "vocab.txt",
      place: place)
  }

  static let refusals: [Refusal] = [
    bare(
      "ids with a hole", vocabulary: #"{"<s>": 0, "</s>": 1, "a": 3}"#, file: "vocab.json",
      place: "token \"a\""),
    bare(
      "two tokens with one id", vocabulary: #"{"<s>": 0, "</s>": 1, "a": 1}"#, file: "vocab.json",
      place: "token \"a\""),
    bare(
      "an id that is no integer", vocabulary: #"{"<s>": 0, "</s>": 1.5}"#, file: "vocab.json",
      place: "token \"</s>\""),
    bare(
      "a negative id", vocabulary: #"{"<s>": -1, "</s>": 0}"#, file: "vocab.json",
      place: "token \"<s>\""),
    bare("a list", vocabulary: #"["<s>", "</s>"]"#, file: "vocab.json"),
    bare(
      "a token twice", vocabulary: #"{"<s>": 0, "</s>": 1, "<s>": 2}"#, file: "vocab.json",
      place: "line 1, column 23"),
    bare(
      "a cut file", vocabulary: "{\"<s>\": 0,\n\"</s>\": ", file: "vocab.json",
      place: "line 2, column 9"),
    bare("an empty file", vocabulary: "", file: "vocab.json", place: "line 1, column 1"),
    bare(
      "no special tokens", vocabulary: #"{"a": 0, "b": 1, "ab": 2}"#, kind: .unsupported,
      file: "vocab.json"),
    bare(
      "a merge of unknown tokens", merges: "#version: 0.2\na b\na c\n", file: "merges.txt",
      place: "line 3"),
    bare(
      "a merge into an unknown token", merges: "b a\n", file: "merges.txt", place: "line 1"),
    bare("a merge of three", merges: "a b\na b a\n", file: "merges.txt", place: "line 2"),
    bare("a merge of one", merges: "ab\n", file: "merges.txt", place: "line 1"),
    bare("a merge with nothing", merges: " b\n", file: "merges.txt", place: "line 1"),
    bare("a line without a merge", merges: "a b\n\na b\n", file: "merges.txt", place: "line 2"),
    bare("a merge twice", merges: "a b\na b\n", file: "merges.txt", place: "line 2"),
    pieces("a piece twice", "[UNK]\n[CLS]\n[SEP]\na\na\n", place: "token 4"),
    pieces("no [UNK]", "[CLS]\n[SEP]\na\n"),
    pieces("nothing", ""),
    document("a cut document", #"{"model": {"#, kind: .malformed, place: "line 1, column 12"),
    document("no model", #"{"version": "1.0"}"#, kind: .malformed, place: "model"),
    document(
      "a vocabulary that is a list", document(model: #"{"type": "Unigram", "vocab": [["a", 0]]}"#),
      kind: .unsupported, place: "model.type"),
    document(
      "an unknown model", document(model: #"{"type": "WordLevel", "vocab": {"<s>": 0}}"#),
      kind: .unsupported, place: "model.type"),
    document(
      "a normalizer before byte-level BPE", document(normalizer: #"{"type": "NFC"}"#),
      kind: .unsupported, place: "normalizer"),
    document(
      "another splitter", document(splitter: #"{"type": "Whitespace"}"#), kind: .unsupported,
      place: "pre_tokenizer"),
    document(
      "byte level without its pattern",
      document(splitter: #"{"type": "ByteLevel", "use_regex": false}"#), kind: .unsupported,
      place: "pre_tokenizer"),
    document(
      "dropout",
      document(
        model: #"{"type": "BPE", "dropout": 0.1, "vocab": \#(vocabulary), "merges": []}"#),
      kind: .unsupported, place: "model.dropout"),
    document(
      "fallback to bytes",
      document(
        model: #"{"type": "BPE", "byte_fallback": true, "vocab": \#(vocabulary), "merges": []}"#),
      kind: .unsupported, place: "model.byte_fallback"),
    document(
      "no merges", document(model: #"{"type": "BPE", "vocab": \#(vocabulary)}"#),
      kind: .malformed, place: "model.merges"),
    document(
      "an unknown merge",
      document(model: #"{"type": "BPE", "vocab": \#(vocabulary), "merges": ["a b", ["b", "b"]]}"#),
      kind: .malformed, place: "model.merges[1]"),
    document(
      "a merge that is a number",
      document(model: #"{"type": "BPE", "vocab": \#(vocabulary), "merges": [7]}"#),
      kind: .malformed, place: "model.merges[0]"),
    document(
      "special tokens of another family",
      document(processor: #"{"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]}"#),
      kind: .unsupported, place: "post_processor"),
    document(
      "a template that begins and does not end", document(processor: template("<s>", "A")),
      kind: .unsupported, place: "post_processor"),
    document(
      "a template among several",
      document(
        processor:
          #"{"type": "Sequence", "processors": [{"type": "ByteLevel"}, \#(template("A", "</s>"))]}"#
      ),
      kind: .unsupported, place: "post_processor"),
    document(
      "an added token without id", document(added: #"[{"content": "<mask>"}]"#),
      kind: .malformed, place: "added_tokens"),
    document(
      "an added token with another's id", document(added: #"[{"content": "<mask>", "id": 2}]"#),
      kind: .malformed, place: "token \"<mask>\""),
    document(
      "an added token that must be a word",
      document(added: #"[{"content": "<mask>", "id": 5, "single_word": true}]"#),
      kind: .unsupported, place: "added_tokens"),
    document(
      "word pieces without a normalizer",
      document(
        model: #"{"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}"#,
        splitter: #"{"type": "BertPreTokenizer"}"#),
      kind: .unsupported, place: "normalizer"),
    document(
      "word pieces without their unknown token",
      document(
        model: #"{"type": "WordPiece", "vocab": {"[CLS]": 0, "[SEP]": 1}}"#,
        splitter: #"{"type": "BertPreTokenizer"}"#),
      kind: .malformed, place: "model.unk_token"),
    Refusal(
      testDescription: "settings that contradict a byte-level document",
      files: [
        "tokenizer.json": document(
          splitter: #"{"type": "ByteLevel", "add_prefix_space": false}"#),
        "tokenizer_config.json": #"{"add_prefix_space": true}"#,
      ], kind: .unsupported, file: "tokenizer_config.json", place: "add_prefix_space"),
    Refusal(
      testDescription: "settings that contradict word pieces",
      files: [
        "tokenizer.json": document(
          model: #"{"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}"#,
          normalizer: #"{"type": "BertNormalizer", "lowercase": true}"#,
          splitter: #"{"type": "BertPreTokenizer"}"#),
        "tokenizer_config.json": #"{"strip_accents": null, "do_lower_case": false}"#,
      ], kind: .unsupported, file: "tokenizer_config.json", place: "do_lower_case"),
    Refusal(
      testDescription: "SentencePiece", files: ["sentencepiece.bpe.model": "\u{A}"],
      kind: .unsupported, file: "sentencepiece.bpe.model", place: ""),
    Refusal(
      testDescription: "a vocabulary without merges", files: ["vocab.json": vocabulary],
      kind: .notFound, file: "", place: ""),
    Refusal(testDescription: "nothing at all", files: [:], kind: .notFound, file: "", place: ""),
  ]

  @Test("each with kind, file and place", arguments: refusals)
  func refusal(_ refusal: Refusal) throws {
    let error = try #require(throws: FileError.self) { try TokenizerFixture.load(refusal.files) }
    #expect(error.kind == refusal.kind)
    #expect(error.path.hasSuffix(refusal.file))
    #expect(error.place == refusal.place)
    #expect(!error.reason.isEmpty)
  }

  @Test("the family's own template is taken, alone and among others")
  func ownTemplate() throws {
    let own = Self.template("<s>", "A", "</s>")
    for processor in [
      own, #"{"type": "Sequence", "processors": [{"type": "ByteLevel"}, \#(own)]}"#,
    ] {
      let tokenizer = try Tokenizer(
        document: Array(Self.document(processor: processor).utf8), path: "tokenizer.json")
      #expect(tokenizer.encode("ab").ids.first == 0 && tokenizer.encode("ab").ids.last == 1)
    }
  }

  @Test("bytes that are not UTF-8")
  func notText() throws {
    let error = try #require(throws: FileError.self) {
      try Tokenizer(document: [0x7B, 0x22, 0xFF, 0x22, 0x7D], path: "tokenizer.json")
    }
    #expect(error.kind == .malformed)
    #expect(error.path == "tokenizer.json")
  }

  @Test("every cut of a good document")
  func cuts() throws {
    let bytes = Array(Self.document().utf8)
    #expect(throws: Never.self) { try Tokenizer(document: bytes, path: "whole") }
    for count in 0..<bytes.count {
      #expect(throws: FileError.self) {
        try Tokenizer(document: Array(bytes.prefix(count)), path: "cut")
      }
    }
  }
}
