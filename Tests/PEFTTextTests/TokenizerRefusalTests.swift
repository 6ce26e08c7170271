import PEFTText
import PEFTRuntime
import Testing

@Suite("Unsupported tokenizers are refused, with kind and place")
struct TokenizerRefusalTests {
  /// Files and the expected error; an empty `place` means the file as a whole.
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
    added: String = "[]", processor: String = "null", decoder: String = "null"
  ) -> String {
    """
    {"added_tokens": \(added), "normalizer": \(normalizer), "pre_tokenizer": \(splitter),
     "post_processor": \(processor), "decoder": \(decoder), "model": \(model)}
    """
  }

  /// A template with these parts: `A`, and the names of special tokens.
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
      "an id above all that a vocabulary may have",
      vocabulary: #"{"<s>": 0, "</s>": 1, "a": 16777216}"#, file: "vocab.json",
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
    pieces("no [UNK]", "[CLS]\n[SEP]\na\n"),
    pieces("nothing", ""),
    document("a cut document", #"{"model": {"#, kind: .malformed, place: "line 1, column 12"),
    document("no model", #"{"version": "1.0"}"#, kind: .malformed, place: "model"),
    document(
      "a vocabulary that is a list", document(model: #"{"type": "BPE", "vocab": [["a", 0]]}"#),
      kind: .malformed, place: "model.vocab"),
    document(
      "pieces without scores",
      document(model: #"{"type": "Unigram", "vocab": [["</s>", 0], ["a"]]}"#, splitter: "null"),
      kind: .malformed, place: "model.vocab[1]"),
    document(
      "a score that is no number",
      document(
        model: #"{"type": "Unigram", "vocab": [["</s>", 0], ["a", "b"]]}"#, splitter: "null"),
      kind: .malformed, place: "model.vocab[1]"),
    document(
      "an unknown piece behind the last",
      document(
        model: #"{"type": "Unigram", "vocab": [["</s>", 0]], "unk_id": 1}"#, splitter: "null"),
      kind: .malformed, place: "model.unk_id"),
    document(
      "a Unigram model of bytes", document(model: #"{"type": "Unigram", "vocab": [["</s>", 0]]}"#),
      kind: .unsupported, place: "model.type"),
    document(
      "an unknown model", document(model: #"{"type": "WordLevel", "vocab": {"<s>": 0}}"#),
      kind: .unsupported, place: "model.type"),
    document(
      "an unknown normalizer", document(normalizer: #"{"type": "Nmt"}"#),
      kind: .unsupported, place: "normalizer"),
    document(
      "another splitter", document(splitter: #"{"type": "Whitespace"}"#), kind: .unsupported,
      place: "pre_tokenizer"),
    document(
      "an unknown normalizer among several",
      document(
        normalizer: #"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]}"#),
      kind: .unsupported, place: "normalizer.normalizers[1]"),
    document(
      "a normalizer whose table is no table",
      document(normalizer: #"{"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#),
      kind: .malformed, place: "normalizer.precompiled_charsmap"),
    document(
      "a replacement by an unknown expression",
      document(
        normalizer: #"{"type": "Replace", "pattern": {"Regex": "[a-z]"}, "content": ""}"#),
      kind: .unsupported, place: "normalizer"),
    document(
      "replacements that grow a text without end",
      document(
        normalizer: #"{"type": "Sequence", "normalizers": ["#
          + Array(
            repeating: #"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#,
            count: 60
          ).joined(separator: ",") + "]}"),
      kind: .unsupported, place: "normalizer"),
    document(
      "an unknown pattern",
      document(splitter: #"{"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated"}"#),
      kind: .unsupported, place: "pre_tokenizer"),
    document(
      "a splitter behind byte level",
      document(
        splitter:
          #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}"#),
      kind: .unsupported, place: "pre_tokenizer"),
    document(
      "sequences without end",
      document(
        splitter: String(repeating: #"{"type": "Sequence", "pretokenizers": ["#, count: 20)
          + #"{"type": "ByteLevel"}"# + String(repeating: "]}", count: 20)),
      kind: .unsupported,
      place: "pre_tokenizer" + String(repeating: ".pretokenizers[0]", count: 8)),
    document(
      "an unknown decoder", document(decoder: #"{"type": "CTC"}"#), kind: .unsupported,
      place: "decoder"),
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
      "special tokens that the vocabulary lacks",
      document(
        processor: #"{"type": "BertProcessing", "sep": ["[SEP]", 1], "cls": ["<s>", 0]}"#),
      kind: .malformed, place: "post_processor"),
    document(
      "a template without its text", document(processor: template("<s>", "</s>")),
      kind: .unsupported, place: "post_processor"),
    document(
      "a template with its text twice", document(processor: template("A", "</s>", "A")),
      kind: .unsupported, place: "post_processor"),
    document(
      "a template around another",
      document(
        processor:
          #"{"type": "Sequence", "processors": [\#(template("A")), \#(template("A", "</s>"))]}"#
      ),
      kind: .unsupported, place: "post_processor"),
    document(
      "an unknown template", document(processor: #"{"type": "Whole"}"#), kind: .unsupported,
      place: "post_processor"),
    document(
      "an added token without id", document(added: #"[{"content": "<mask>"}]"#),
      kind: .malformed, place: "added_tokens"),
    document(
      "an added token with another's id", document(added: #"[{"content": "<mask>", "id": 2}]"#),
      kind: .malformed, place: "token \"<mask>\""),
    document(
      "word pieces of bytes",
      document(model: #"{"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}"#),
      kind: .unsupported, place: "model.type"),
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
      testDescription: "a cut SentencePiece file", files: ["sentencepiece.bpe.model": "\u{A}"],
      kind: .malformed, file: "sentencepiece.bpe.model", place: "byte 1"),
    Refusal(
      testDescription: "a SentencePiece file of Llama", files: ["tokenizer.model": "\u{A}"],
      kind: .unsupported, file: "tokenizer.model", place: ""),
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

  @Test("the family's own template is accepted, alone and among others")
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

  @Test("every truncation of a valid document")
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
