import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTText
import Testing

@Suite("Data for language models")
struct LanguageDataTests {
  private static func rows(_ text: String, _ format: DataFormat) throws(FileError) -> [TextExample]
  {
    try DataReader.parse(Array(text.utf8), path: "data.x", format: format)
  }

  @Test("lines of pairs: surrounding white space is dropped, everything else is kept")
  func pairs() throws {
    let rows = try Self.rows("\u{FEFF}name : a | b || c | d \r\n x||\u{301}y\n\n", .pairs)
    #expect(rows.map(\.text) == ["name : a | b", "x"])
    #expect(rows.map(\.pair) == ["c | d", "\u{301}y"])
  }

  @Test(
    "malformed lines of pairs are refused with their line",
    arguments: [
      ("a||b\nc\n", "line 2", "0 times"), ("a||b||c\n", "line 1", "2 times"),
      ("a|||b\n", "line 1", "2 times"), ("a||b\n || c\n", "line 2", "prompt is empty"),
      ("a||\t \n", "line 1", "completion is empty"), ("a||b\n\nc||d\n", "line 2", "empty line"),
    ])
  func refusedPairs(text: String, place: String, reason: String) {
    let error = #expect(throws: FileError.self) { try Self.rows(text, .pairs) }
    #expect(error?.place == place)
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test("plain text is one text, without byte order mark and carriage returns at line ends")
  func plain() throws {
    let rows = try Self.rows("\u{FEFF}a\r\nb\rc\n\n", .text)
    #expect(rows.map(\.text) == ["a\nb\rc\n\n"])
  }

  @Test("prompts and completions in JSON lines")
  func json() throws {
    let rows = try Self.rows(#"{"prompt":"p","completion":"c","id":3}"# + "\n", .jsonl)
    #expect(rows == [TextExample(text: "p", pair: "c", id: "3", line: 1)])
  }

  /// A reader for a causal model, and its directory, with a vocabulary of bytes only.
  private func reader(maximumLength: Int = 24) throws -> (TaskReader, String) {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-language-\(UUID().uuidString)").path
    try ByteLevelBPETrainer.train(
      texts: [""], vocabularySize: 257, specialTokens: SpecialTokenTemplate.gpt2.specialTokens
    ).write(to: directory, template: .gpt2)
    let reader = TaskReader(
      isCausal: true, tokenizer: try Tokenizer.load(directory: directory),
      maximumLength: maximumLength)
    return (reader, directory)
  }

  private func file(_ text: String, _ name: String, in directory: String) throws -> String {
    let path = directory + "/" + name
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test("the data determine the kind of task")
  func kinds() throws {
    let (reader, directory) = try reader()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let windows = TextWindows(context: 8)
    for (text, name, expected) in [
      ("a||b\n", "a.txt", Completion() as any PredictionTask),
      ("plain\n", "b.txt", LanguageModelling(windows)),
      (#"{"prompt":"p","completion":"c"}"#, "c.jsonl", Completion()),
      (#"{"text":"p"}"#, "d.jsonl", LanguageModelling(windows)),
    ] {
      let rows = try reader.rows(try file(text, name, in: directory), kind: .auto)
      let task = try reader.task(of: rows, kind: .auto, windows: windows)
      #expect(task.isSame(as: expected), "\(name)")
    }
    let labelled = try reader.rows(
      try file("text\tlabel\nx\t0\ny\t1\n", "e.tsv", in: directory), kind: .auto)
    #expect(
      try reader.task(of: labelled, kind: .auto, windows: windows) is Classification)
  }

  @Test("every token of a completion and its end are predicted, no token of the prompt is")
  func completions() throws {
    let (reader, directory) = try reader()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let rows = try reader.rows(
      try file("ab||cd\nabcdefghijklmnopq||0123456789\n", "a.txt", in: directory), kind: .auto)
    let data = try Completion().encode(rows, by: reader)
    #expect(data.truncatedCount == 1)
    let hiding = SeededGenerator(seed: 1, purpose: "unused")
    let batch = try #require(data.examples([0, 1], maskingWith: hiding))
    let tokenizer = reader.tokenizer
    guard case .tokens(let labels) = batch.targets.kind else {
      Issue.record("tokens are predicted")
      return
    }
    let end = try #require(tokenizer.special.end)
    let parts = (0..<2).map { Array(labels[batch.targets.partition[$0]]) }
    #expect(parts[0] == tokenizer.encode(" cd").ids + [end])
    // 24 tokens: 17 of the prompt, the end token, and 6 of " 0123456789".
    #expect(parts[1] == tokenizer.encode(" 01234").ids)
    // The last token is predicted, but not part of the input.
    #expect(
      Array(batch.texts.ids.prefix(6)) == tokenizer.encode("ab").ids + [end]
        + tokenizer.encode(" cd").ids)
    #expect(batch.texts.predictedRows?.prefix(4) == [2, 3, 4, 5])
    #expect(
      CompletionText(tokenizer: tokenizer).completion(tokenizer.encode(" cd").ids + [end]) == "cd")
  }

  @Test("a token that begins every text precedes the prompt, and not the completion")
  func beginToken() throws {
    let fixture = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/chat/llama3").path
    var loaded = try Tokenizer.load(directory: fixture)
    let (begin, end): (Int32, Int32) = (0, 1)
    loaded.endTexts(with: end)
    let tokenizer = loaded
    #expect(tokenizer.special.end == end && tokenizer.template.countBefore == 1)
    func reader(isCausal: Bool) -> TaskReader {
      TaskReader(isCausal: isCausal, tokenizer: tokenizer, maximumLength: 100)
    }
    let rows = try reader(isCausal: true).rows(
      Array("good day||to you\n".utf8), path: "a.txt", kind: .auto)
    let data = try Completion().encode(rows, by: reader(isCausal: true))
    let batch = try #require(
      data.examples([0], maskingWith: SeededGenerator(seed: 1, purpose: "unused")))
    let (prompt, completion) = (
      tokenizer.encode("good day").ids, Array(tokenizer.encode(" to you").ids.dropFirst())
    )
    #expect(prompt.first == begin && !completion.contains(begin))
    #expect(batch.texts.ids == prompt + [end] + completion)
    #expect(CompletionText(tokenizer: tokenizer).prompt("good day") == prompt + [end])
    #expect(throws: FileError.self) {
      try Completion().encode(rows, by: reader(isCausal: false))
    }
  }

  @Test("a completion begins with the mark that a tokenizer puts before every text, and no space")
  func markedCompletion() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-language-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let tokenizer = try characters(
      #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}"#, in: directory)
    let reader = TaskReader(isCausal: true, tokenizer: tokenizer, maximumLength: 100)
    let rows = try reader.rows(Array("ab||ba a\n".utf8), path: "a.txt", kind: .auto)
    let data = try Completion().encode(rows, by: reader)
    let batch = try #require(
      data.examples([0], maskingWith: SeededGenerator(seed: 1, purpose: "unused")))
    let end = try #require(tokenizer.special.end)
    #expect(
      batch.texts.ids == tokenizer.encode("ab").ids + [end] + tokenizer.encode("ba a").ids)
  }

  @Test("a prompt without room for its completion is refused with its line")
  func longPrompt() throws {
    let (reader, directory) = try reader()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let long = String(repeating: "x", count: 23)
    let rows = try reader.rows(try file("a||b\n\(long)||c\n", "a.txt", in: directory), kind: .auto)
    let error = #expect(throws: FileError.self) { try Completion().encode(rows, by: reader) }
    #expect(error?.place == "line 2")
    #expect(error?.description.contains("no room") == true)
  }

  @Test(
    "windows predict every token but the first exactly once",
    arguments: [(1, 1), (5, 5), (7, 3), (16, 1), (100, 40)])
  func windows(context: Int, stride: Int) throws {
    let (reader, directory) = try reader()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for length in [2, 3, 7, 16, 31, 64] {
      let text = String((0..<length).map { Character(UnicodeScalar(UInt8(65 + $0 % 60))) })
      let rows = try reader.rows(try file(text, "a.txt", in: directory), kind: .language)
      let data = try LanguageModelling(TextWindows(context: context, stride: stride)).encode(
        rows, by: reader)
      let ids = reader.tokenizer.encode(text).ids
      var predicted: [Int32] = []
      let hiding = SeededGenerator(seed: 1, purpose: "unused")
      for index in 0..<data.count {
        let batch = try #require(data.examples([index], maskingWith: hiding))
        guard case .tokens(let labels) = batch.targets.kind else { continue }
        let rows = try #require(batch.texts.predictedRows)
        #expect(data.lengths[index] <= context)
        for (row, label) in zip(rows, labels) {
          let position = predicted.count
          // The input has the token before it, and enough tokens before that.
          #expect(batch.texts.ids[row] == ids[position])
          #expect(row >= min(position, context - stride))
          predicted.append(label)
        }
      }
      #expect(predicted == Array(ids.dropFirst()), "length \(length)")
    }
  }

  /// A tokenizer of single characters with this way of marking words.
  private func characters(_ marking: String, in directory: String) throws -> Tokenizer {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let vocabulary = ["<unk>", "<|endoftext|>", "▁", "a", "b", "\\n", "Ġ", "Ċ"].enumerated()
      .map { "\"\($0.element)\":\($0.offset)" }.joined(separator: ",")
    _ = try file(
      """
      {"version":"1.0","added_tokens":[],"pre_tokenizer":\(marking),
      "model":{"type":"BPE","unk_token":"<unk>","vocab":{\(vocabulary)},"merges":[]}}
      """, "tokenizer.json", in: directory)
    return try Tokenizer.load(directory: directory)
  }

  @Test(
    "a long text has the tokens of one text, also where a tokenizer marks the beginning of texts")
  func longText() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-language-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for marking in [
      #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}"#,
      #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}"#,
      #"{"type":"ByteLevel","add_prefix_space":true}"#,
    ] {
      let tokenizer = try characters(marking, in: directory)
      let text = String(repeating: "ab\nb a\n", count: 20_000)
      let reader = TaskReader(isCausal: true, tokenizer: tokenizer, maximumLength: 1 << 20)
      let rows = try reader.rows(try file(text, "a.txt", in: directory), kind: .language)
      let data = try LanguageModelling(TextWindows(context: 1 << 20)).encode(rows, by: reader)
      let ids = tokenizer.encode(text).ids
      #expect(ids.count >= 140_000 && !ids.contains(0), "\(marking)")
      #expect(data.count == 1)
      let batch = try #require(
        data.examples([0], maskingWith: SeededGenerator(seed: 1, purpose: "unused")))
      #expect(batch.texts.ids == ids.dropLast(), "\(marking)")
    }
  }

  @Test("masking: 15 % of tokens, 80 % masked, 10 % random, 10 % unchanged; never special tokens")
  func masking() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-language-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try ByteLevelBPETrainer.train(
      texts: [""], vocabularySize: 261, specialTokens: SpecialTokenTemplate.roberta.specialTokens
    ).write(to: directory, template: .roberta)
    let masking = try #require(TokenMasking(try Tokenizer.load(directory: directory)))
    let ids: [Int32] = [0] + (0..<2000).map { Int32(5 + $0 % 256) } + [2]
    var draws = SeededGenerator(seed: 8, purpose: "masks")
    var (chosen, masked, kept) = (0, 0, 0)
    for _ in 0..<50 {
      let hidden = masking.hide(ids, using: &draws)
      #expect(hidden.labels == hidden.positions.map { ids[$0] })
      #expect(!hidden.positions.contains(0) && !hidden.positions.contains(2001))
      chosen += hidden.positions.count
      masked += hidden.positions.count { hidden.seen[$0] == masking.maskID }
      kept += hidden.positions.count { hidden.seen[$0] == ids[$0] }
      for position in ids.indices where !hidden.positions.contains(position) {
        #expect(hidden.seen[position] == ids[position])
      }
    }
    #expect(abs(Double(chosen) / 100_000 - 0.15) < 0.005)
    #expect(abs(Double(masked) / Double(chosen) - 0.8) < 0.02)
    #expect(abs(Double(kept) / Double(chosen) - 0.1) < 0.02)
    let single = masking.hide([0, 77, 2], using: &draws)
    #expect(single.positions == [1])
  }

  @Test("long texts are encoded in pieces to the same tokens")
  func pieces() throws {
    let (reader, directory) = try reader()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var draws = SeededGenerator(seed: 2, purpose: "text")
    let alphabet = ["word", " ", "\n", "  ", "\n\n", "é", ".", " \n", "😀", "\t"]
    let text = (0..<60_000).map { _ in alphabet[Int(draws.uniform() * 10)] }.joined()
    let rows = try reader.rows(try file(text, "a.txt", in: directory), kind: .language)
    let data = try LanguageModelling(TextWindows(context: 64)).encode(rows, by: reader)
    let hiding = SeededGenerator(seed: 1, purpose: "unused")
    var labels: [Int32] = []
    for index in 0..<data.count {
      let targets = data.examples([index], maskingWith: hiding)?.targets
      guard case .tokens(let part)? = targets?.kind else {
        continue
      }
      labels += part
    }
    #expect(labels == Array(reader.tokenizer.encode(text).ids.dropFirst()))
  }
}
