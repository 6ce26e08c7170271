import Foundation
import PEFTText
import PEFTRuntime
import TestSupport
import Testing

@Suite("Tokenizers against the reference's ids", .enabled(if: SharedData.has("golden_tokens")))
struct TokenizerGoldenTests {
  private func golden() throws -> [JSONValue] {
    let bytes = try FileContents.read(SharedData.path("golden_tokens/golden.jsonl"))
    return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: $0) }
  }

  @Test(
    "every golden text",
    arguments: [
      ("gpt2_vocab", "gpt2"), ("roberta_vocab", "roberta"), ("bert_vocab", "bert_uncased"),
    ],
    [true, false])
  func ids(vocabulary: (directory: String, field: String), fromVocabularyFiles: Bool) throws {
    let source = SharedData.path(vocabulary.directory)
    var directory = source
    if fromVocabularyFiles {
      directory =
        FileManager.default.temporaryDirectory
        .appending(path: "peft-tokenizer-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for name in ["vocab.json", "merges.txt", "vocab.txt"]
      where FileManager.default.fileExists(atPath: source + "/" + name) {
        try FileManager.default.copyItem(
          atPath: source + "/" + name, toPath: directory + "/" + name)
      }
    }
    defer { if fromVocabularyFiles { try? FileManager.default.removeItem(atPath: directory) } }
    let tokenizer = try Tokenizer.load(directory: directory)
    let rows = try golden()
    #expect(rows.count == 280)
    let texts = rows.compactMap { $0["text"]?.string }
    let encodings = tokenizer.encode(texts.map { ($0, nil) })
    for (index, row) in rows.enumerated() {
      let expected = row[vocabulary.field]?.array?.compactMap(\.integer).map(Int32.init)
      #expect(encodings[index].ids == expected, "text \(index): \(texts[index].debugDescription)")
      #expect(tokenizer.encode(texts[index]) == encodings[index])
      if tokenizer.template == .gpt2 {
        #expect(tokenizer.decode(encodings[index].ids) == texts[index])
      }
    }
  }
}
