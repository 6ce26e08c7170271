import Foundation
import PEFTModels
import PEFTRuntime
import PEFTText
import Testing

@Suite("The tokenizer of a model")
struct ModelTokenizerTests {
  private let root = FileManager.default.temporaryDirectory
    .appending(path: "peft-model-tokenizer-\(UUID().uuidString)").path

  @Test("a GPT-2 adds no special tokens to a text, whatever its vocabulary")
  func plainTokens() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let text = String(repeating: "one two three\n", count: 20)
    let vocabulary = try ByteLevelBPETrainer.train(
      texts: [text], vocabularySize: 270, specialTokens: SpecialTokenTemplate.roberta.specialTokens)
    try vocabulary.write(to: root, template: .roberta)
    let configuration = ModelConfiguration.gpt2(
      GPT2Configuration(
        vocabularySize: 270, hiddenSize: 8, layerCount: 1, headCount: 2, positionCount: 16))
    // tokenizer.json asks for RoBERTa's special tokens.
    let asked = try configuration.tokenizer(directory: root)
    #expect(asked.template == .roberta)
    try FileManager.default.removeItem(atPath: root + "/tokenizer.json")
    // So do the settings, by the name of the class.
    #expect(try configuration.tokenizer(directory: root).template == .roberta)
    try FileManager.default.removeItem(atPath: root + "/tokenizer_config.json")
    let plain = try configuration.tokenizer(directory: root)
    #expect(plain.template.isBare && plain.special.end == asked.special.end)
    #expect(
      plain.encode("one two").ids == Array(asked.encode("one two").ids.dropFirst().dropLast()))
  }

  @Test("a GPT-2 puts the special tokens around a text that its settings ask for")
  func askedTokens() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let vocabulary = try ByteLevelBPETrainer.train(
      texts: [""], vocabularySize: 257, specialTokens: SpecialTokenTemplate.gpt2.specialTokens)
    try vocabulary.write(to: root, template: .gpt2)
    try FileManager.default.removeItem(atPath: root + "/tokenizer.json")
    try #"{"add_bos_token": true}"#
      .write(toFile: root + "/tokenizer_config.json", atomically: true, encoding: .utf8)
    let configuration = ModelConfiguration.gpt2(
      GPT2Configuration(
        vocabularySize: 257, hiddenSize: 8, layerCount: 1, headCount: 2, positionCount: 16))
    let tokenizer = try configuration.tokenizer(directory: root)
    #expect(tokenizer.encode("one").ids.count == 4 && tokenizer.encode("one").ids.first == 0)
    #expect(tokenizer.encode("a", pair: "b").typeIDs == [0, 0, 0, 0])
  }

  @Test("a Llama ends texts with the token that its configuration names", arguments: [nil, 7])
  func namedEnd(end: Int?) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let vocabulary = try ByteLevelBPETrainer.train(
      texts: [""], vocabularySize: 257, specialTokens: SpecialTokenTemplate.gpt2.specialTokens)
    try vocabulary.write(to: root, template: .gpt2)
    let configuration = ModelConfiguration.llama(
      LlamaConfiguration(
        vocabularySize: 257, hiddenSize: 8, layerCount: 1, headCount: 2, intermediateSize: 8,
        positionCount: 16, endID: end))
    let tokenizer = try configuration.tokenizer(directory: root)
    #expect(tokenizer.special.end == (end == nil ? 0 : 7))
    #expect(tokenizer.encode("one").ids.count == 3)
  }

  @Test(
    "a template with more token types or special tokens than the model takes is refused",
    arguments: [(1, 1, true), (2, 1, false), (1, 15, true), (1, 16, false)])
  func templates(type: Int, count: Int, isRight: Bool) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    let end = #"{"SpecialToken":{"id":"[SEP]","type_id":\#(type)}}"#
    let (first, second) = (
      #"{"Sequence":{"id":"A","type_id":0}}"#, #"{"Sequence":{"id":"B","type_id":0}}"#
    )
    let tokens = Array(repeating: #""[SEP]""#, count: count).joined(separator: ",")
    let ids = Array(repeating: "3", count: count).joined(separator: ",")
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two"].enumerated()
      .map { #""\#($0.element)":\#($0.offset)"# }.joined(separator: ",")
    try """
    {"version":"1.0","added_tokens":[],"pre_tokenizer":{"type":"BertPreTokenizer"},
    "post_processor":{"type":"TemplateProcessing","single":[\(first),\(end)],
    "pair":[\(first),\(second),\(end)],
    "special_tokens":{"[SEP]":{"id":"[SEP]","ids":[\(ids)],"tokens":[\(tokens)]}}},
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
    "max_input_chars_per_word":100,"vocab":{\(words)}}}
    """.write(toFile: root + "/tokenizer.json", atomically: true, encoding: .utf8)
    if isRight {
      let tokenizer = try encoder(types: 2).tokenizer(directory: root)
      #expect(tokenizer.template.largestType == Int32(type))
      #expect(tokenizer.template.largestCount == count)
    } else {
      let error = #expect(throws: FileError.self) {
        try encoder(types: 2).tokenizer(directory: root)
      }
      #expect(error?.description.contains("the tokenizer") == true, "\(error?.description ?? "")")
    }
  }

  private func encoder(types: Int) -> ModelConfiguration {
    ModelConfiguration.encoder(
      EncoderConfiguration(
        family: .bert, vocabularySize: 7, hiddenSize: 8, layerCount: 1, headCount: 2,
        intermediateSize: 16, positionCount: 16, tokenTypeCount: types, epsilon: 1e-12,
        activation: .gelu, hiddenDropout: 0, attentionDropout: 0, classifierDropout: nil,
        paddingID: 0, initializerRange: 0.02, labelNames: nil))
  }

  @Test("a model with one token type gets no other type", arguments: [1, 2])
  func tokenTypes(count: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\n"
      .write(toFile: root + "/vocab.txt", atomically: true, encoding: .utf8)
    let pair = try encoder(types: count).tokenizer(directory: root).encode("one", pair: "two")
    #expect(pair.ids == [2, 5, 3, 6, 3])
    #expect(pair.typeIDs == (count == 1 ? [0, 0, 0, 0, 0] : [0, 0, 0, 1, 1]))
  }
}
