import PEFTText
import Testing

/// The examples of PEFTText's articles.
@Suite("Examples of PEFTText")
struct TextExamples {
  @Test("text and ids")
  func textAndIds() throws {
    let files = try ExampleFiles()
    let directory = files.directory + "/vocabulary"
    let trained = try ByteLevelBPETrainer.train(
      texts: ["a plain film, a fine film"], vocabularySize: 270,
      specialTokens: SpecialTokenTemplate.roberta.specialTokens)
    try trained.write(to: directory, template: .roberta)

    let tokenizer = try Tokenizer.load(directory: directory)
    let encoding = tokenizer.encode("a fine film", pair: "a plain film", maximumLength: 16)
    print(encoding.ids, "without", encoding.truncated, "tokens that were cut off")
    print(tokenizer.decode(encoding.ids))
    #expect(encoding.ids.count == 16 && encoding.truncated > 0)
    #expect(tokenizer.decode(tokenizer.encode("a fine film").ids) == "a fine film")

    let batch = tokenizer.encode([("a plain film", nil), ("a fine film", "plain")])
    print(batch.map(\.ids.count))
    #expect(batch[0] == tokenizer.encode("a plain film"))

    let words = ["a", " fine", " film"]
    let sentence = tokenizer.encode(words: words)
    for (id, word) in zip(sentence.ids, sentence.wordIndices) {
      print(id, word.map { words[$0] } ?? "a special token")
    }
    #expect(sentence.ids == tokenizer.encode("a fine film").ids)
    #expect(
      sentence.wordIndices.first == .some(nil) && Set(sentence.wordIndices) == [nil, 0, 1, 2])
  }
}
