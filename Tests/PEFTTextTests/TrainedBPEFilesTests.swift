import Foundation
import PEFTText
import PEFTRuntime
import Testing

@Suite("A learned vocabulary as a tokenizer and as its files")
struct TrainedBPEFilesTests {
  private static func trained(_ template: SpecialTokenTemplate) throws -> TrainedBPE {
    try ByteLevelBPETrainer.train(
      texts: [WordSample(wordCount: 3000).text, "the cat's mat, 中文 中文 😀😀"], vocabularySize: 600,
      specialTokens: template.specialTokens)
  }

  private static func withDirectory<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-trained-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory.appending(path: "new").path)
  }

  /// Random characters, among which those that merge and white space are more frequent.
  private static func text(_ generator: inout SeededGenerator) -> String {
    let common = Array("eta \n's".unicodeScalars)
    let ranges: [ClosedRange<UInt32>] = [0...0x7F, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0x10FFFF]
    let count = Int.random(in: 0...80, using: &generator)
    return (0..<count).reduce(into: "") { text, _ in
      if Bool.random(using: &generator), let scalar = common.randomElement(using: &generator) {
        text.unicodeScalars.append(scalar)
      } else if let range = ranges.randomElement(using: &generator),
        let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator))
      {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  @Test(
    "encoding and decoding restores any text", arguments: [SpecialTokenTemplate.gpt2, .roberta])
  func identity(_ template: SpecialTokenTemplate) throws {
    let tokenizer = try Self.trained(template).tokenizer(template: template)
    var generator = SeededGenerator(seed: 3, purpose: "texts")
    var shorter = 0
    for _ in 0..<500 {
      let text = Self.text(&generator)
      let ids = tokenizer.encode(text).ids
      #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8))
      if ids.count < text.utf8.count { shorter += 1 }
    }
    #expect(shorter > 200)
  }

  @Test("the files give the same tokenizer, and special tokens in a text are found")
  func files() throws {
    for template in [SpecialTokenTemplate.gpt2, .roberta] {
      let trained = try Self.trained(template)
      let expected = try trained.tokenizer(template: template)
      try Self.withDirectory { directory in
        try trained.write(to: directory, template: template, maximumLength: 77)
        try trained.write(to: directory, template: template, maximumLength: 77)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        #expect(names == ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"])
        let loaded = try Tokenizer.load(directory: directory)
        #expect(loaded.template == template)
        #expect(loaded.special == expected.special)
        #expect(loaded.vocabularySize == trained.tokens.count)
        for (id, token) in trained.tokens.enumerated() {
          #expect(loaded.vocabulary.id(of: token) == Int32(id))
        }
        let settings = try JSONValue(contentsOf: directory + "/tokenizer_config.json")
        #expect(settings["model_max_length"]?.integer == 77)
        let merges = try FileContents.read(directory + "/merges.txt")
        #expect(merges.starts(with: "#version: 0.2\n".utf8))
        try FileManager.default.removeItem(atPath: directory + "/tokenizer.json")
        let bare = try Tokenizer.load(directory: directory)
        var generator = SeededGenerator(seed: 4, purpose: "texts")
        for _ in 0..<100 {
          let text = Self.text(&generator)
          let ids = expected.encode(text).ids
          #expect(loaded.encode(text).ids == ids)
          #expect(bare.encode(text).ids == ids)
        }
      }
    }
  }

  @Test("special tokens have the ids of their places, and appear where a text has them")
  func special() throws {
    let roberta = try Self.trained(.roberta).tokenizer(template: .roberta)
    let special = roberta.special
    #expect([special.begin, special.padding, special.end, special.unknown] == [0, 1, 2, 3])
    #expect(special.mask == 4)
    #expect(roberta.encode(" \n<mask></s><pad>").ids == [0, 4, 2, 1, 2])
    let gpt2 = try Self.trained(.gpt2).tokenizer(template: .gpt2)
    #expect(gpt2.special.end == 0)
    #expect(gpt2.encode("<|endoftext|><|endoftext|>").ids == [0, 0])
    #expect(gpt2.encode("").ids == [])
  }

  @Test("a directory that cannot be created is an error that names it")
  func refusal() throws {
    try Self.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: (directory as NSString).deletingLastPathComponent, withIntermediateDirectories: true
      )
      try AtomicFile.write([1], to: directory)
      let trained = try Self.trained(.gpt2)
      let error = #expect(throws: FileError.self) {
        try trained.write(to: directory + "/inside", template: .gpt2)
      }
      #expect(error?.kind == .storage)
      #expect(error?.path == directory + "/inside")
    }
  }
}
