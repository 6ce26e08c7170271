import PEFTText
import PEFTRuntime
import Testing

@Suite("Learning a byte-level BPE vocabulary")
struct BPETrainerTests {
  @Test("there are reference vocabularies")
  func fixtures() {
    #expect(BPEFixture.all.count == 12)
    #expect(BPEFixture.all.filter { $0.merges.count > 50 }.count >= 5)
  }

  @Test("tokens and merges equal the reference's", arguments: BPEFixture.all)
  func golden(_ fixture: BPEFixture) throws {
    let trained = try fixture.trained()
    #expect(trained.tokens == fixture.tokens)
    #expect(trained.merges.map { "\($0.left) \($0.right)" } == fixture.merges)
    #expect(trained.specialTokenCount == fixture.specialTokens.count)
  }

  @Test("words of long texts are counted as by a rescan after every merge")
  func naive() throws {
    // Long enough to be split into several pieces, at any position.
    let sample = WordSample(wordCount: 120_000)
    let trained = try ByteLevelBPETrainer.train(
      texts: [sample.text], vocabularySize: 300, specialTokens: ["<|endoftext|>"])
    #expect(sample.text.utf8.count > 1 << 19)
    #expect(trained.merges == sample.naiveMerges(43))
  }

  @Test("no word is lost where a long text is split for the workers")
  func cuts() throws {
    let unit = " don't\r\n\r\n  a1,2...é中 "
    let words: Set = ["Ġdon", "'t", "čĊčĊĠ", "Ġa", "...", "Ã©ä¸Ń"]
    let count = 900_000 / unit.utf8.count
    let body = String(repeating: unit, count: count)
    // The splits fall on every position in the unit.
    for shift in 0..<unit.utf8.count {
      let trained = try ByteLevelBPETrainer.train(
        texts: [String(repeating: "x", count: shift) + body], vocabularySize: 500,
        specialTokens: [], minimumFrequency: count)
      #expect(words.isSubset(of: trained.tokens), "shift \(shift)")
    }
  }

  @Test("neither the workers nor the order of the texts change the result")
  func order() throws {
    var texts = (0..<6).map { WordSample(seed: $0, wordCount: 15_000).text }
    texts += (6..<300).map { WordSample(seed: $0, wordCount: 20).text }
    func train() throws -> TrainedBPE {
      try ByteLevelBPETrainer.train(texts: texts, vocabularySize: 700, specialTokens: [])
    }
    let expected = try train()
    #expect(expected.merges.count == 700 - 256)
    let before = WorkerPool.shared.workerCount
    defer { WorkerPool.useWorkers(before) }
    var generator = SeededGenerator(seed: 1, purpose: "order")
    for workers in [1, 2, 5] {
      WorkerPool.useWorkers(workers)
      #expect(try train() == expected)
      texts.shuffle(using: &generator)
      #expect(try train() == expected)
    }
  }

  @Test(
    "without text, the vocabulary has the special tokens and the bytes", arguments: [[], ["", ""]])
  func noText(_ texts: [String]) throws {
    let trained = try ByteLevelBPETrainer.train(
      texts: texts, vocabularySize: 1000, specialTokens: ["<s>"])
    #expect(trained.tokens.count == 257)
    #expect(Set(trained.tokens).count == 257)
    #expect(trained.merges == [])
  }

  @Test("a pair merges at the minimum frequency and not below it")
  func minimumFrequency() throws {
    func merges(_ minimum: Int) throws -> [TrainedBPE.Merge] {
      try ByteLevelBPETrainer.train(
        texts: ["ab", "ab", "ab\ncd\ncd"], vocabularySize: 300, specialTokens: [],
        minimumFrequency: minimum
      ).merges
    }
    let ab = TrainedBPE.Merge(left: "a", right: "b")
    #expect(try merges(2) == [ab, TrainedBPE.Merge(left: "c", right: "d")])
    #expect(try merges(3) == [ab])
    #expect(try merges(4) == [])
  }

  @Test("an impossible vocabulary is refused by name")
  func refusals() throws {
    func message(_ size: Int, _ special: [String]) throws -> String {
      let error = #expect(throws: BPETrainingError.self) {
        try ByteLevelBPETrainer.train(
          texts: ["some text"], vocabularySize: size, specialTokens: special)
      }
      return try #require(error).description
    }
    #expect(try message(257, ["<s>", "</s>"]).contains("must have 258 to"))
    #expect(try message(0, []).contains("must have 256 to"))
    #expect(try message(-1, []).contains("must have 256 to"))
    #expect(try message(Int(Int32.max) + 1, []).contains("must have 256 to 2147483647"))
    #expect(try message(300, ["<s>", "<s>"]).contains("\"<s>\" occurs twice"))
    #expect(try message(300, [""]).contains("must have a character"))
  }
}
