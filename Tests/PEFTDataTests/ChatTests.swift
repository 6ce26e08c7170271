import Foundation
import PEFTData
import PEFTNetwork
import PEFTTensor
import PEFTText
import Testing

@Suite("Conversations")
struct ChatTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/chat").path

  /// A reader for the small tokenizer `name`, whose `chat_template` is read.
  private static func reader(_ name: String, maximumLength: Int = 1000) throws -> TaskReader {
    let directory = root + "/" + name
    let tokenizer = try Tokenizer.load(directory: directory)
    let settings = try JSONValue(contentsOf: directory + "/tokenizer_config.json")
    return TaskReader(
      isCausal: true, tokenizer: tokenizer, format: .jsonl,
      chatTemplate: ChatTemplate(
        jinja: settings["chat_template"]?.string, vocabulary: tokenizer.vocabulary),
      maximumLength: maximumLength)
  }

  private static func rows(_ reader: TaskReader, _ lines: [JSONValue]) throws -> TaskReader.Rows {
    try reader.rows(
      Array(lines.map { $0.text() + "\n" }.joined().utf8), path: "chat.jsonl", kind: .auto)
  }

  private static func numbers(_ value: JSONValue?) -> [Int] {
    value?.array?.compactMap(\.integer) ?? []
  }

  @Test(
    "tokens and the assistant's mask are those of transformers",
    arguments: ["chatml", "llama3"])
  func agrees(name: String) throws {
    let cases = try #require(
      try JSONValue(contentsOf: Self.root + "/\(name)/conversations.json").array)
    #expect(cases.count == 7)
    let reader = try Self.reader(name)
    let rows = try Self.rows(
      reader, cases.map { .object(["messages": $0["messages"] ?? .null]) })
    let task = try reader.task(of: rows, kind: .auto, windows: TextWindows(context: 8))
    #expect((task as? Chat)?.template?.name.rawValue == name)
    #expect(
      (task as? Chat)?.template?.defaultSystem == (name == "chatml" ? "You are a small test" : nil))
    let encoded = try task.encode(rows, by: reader)
    for (index, item) in cases.enumerated() {
      let (ids, mask) = (Self.numbers(item["ids"]), Self.numbers(item["mask"]))
      let (found, isLearnt) = try #require(encoded.learnt(index))
      // What follows the last turn of the assistant is not read.
      #expect(found.map(Int.init) == Array(ids.prefix(found.count)), "\(index)")
      #expect(isLearnt.map { $0 ? 1 : 0 } == Array(mask.prefix(found.count)), "\(index)")
      #expect(mask.dropFirst(found.count).allSatisfy { $0 == 0 } && isLearnt.last == true)
      #expect(isLearnt.count { $0 } == mask.reduce(0, +))
      // Each of them is predicted from the token before it.
      let batch = try #require(
        encoded.examples([index], maskingWith: SeededGenerator(seed: 0, purpose: "unused")))
      let places = mask.indices.filter { mask[$0] == 1 }
      #expect(batch.texts.predictedRows == places.map { $0 - 1 })
      #expect(batch.targets.kind == .tokens(places.map { Int32(ids[$0]) }))
    }
    let again = try TaskCatalogue.standard.task(json: task.json, path: "p")
    #expect(again.isSame(as: task))
  }

  @Test("a template of another name, and of a vocabulary alone")
  func names() throws {
    let reader = try Self.reader("chatml")
    let vocabulary = reader.tokenizer.vocabulary
    #expect(ChatTemplate(jinja: nil, vocabulary: vocabulary) == ChatTemplate(.chatml))
    #expect(
      ChatTemplate(jinja: nil, vocabulary: try Self.reader("llama3").tokenizer.vocabulary)?.name
        == .llama3)
    #expect(ChatTemplate(jinja: "[INST] {{ x }}", vocabulary: vocabulary) == nil)
    // As Qwen2.5's settings write it.
    let qwen =
      "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
      + "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}"
    #expect(
      ChatTemplate(jinja: qwen, vocabulary: vocabulary)?.defaultSystem
        == ChatTemplate(.qwen).defaultSystem)
  }

  @Test("long conversations lose their end, and each takes part in batches by itself")
  func truncation() throws {
    let reader = try Self.reader("llama3", maximumLength: 16)
    let rows = try Self.rows(
      reader,
      [
        try JSONValue(
          parsing:
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"what is the colour of the sky and of grass"}]}"#
            .utf8)
      ])
    let encoded = try reader.task(of: rows, kind: .auto, windows: TextWindows(context: 8))
      .encode(rows, by: reader)
    #expect(encoded.lengths == [16] && encoded.truncatedCount == 1 && encoded.longest > 16)
    #expect(encoded.longestPrompt < 16 && encoded.longestPrompt > 4)
  }

  @Test(
    "malformed conversations are refused with their line",
    arguments: [
      (#"{"messages":[]}"#, "not a list of turns"),
      (#"{"messages":[{"role":"user"}]}"#, "turn 1 has no"),
      (#"{"messages":[{"role":"tool","content":"x"}]}"#, "the role \"tool\""),
      (#"{"messages":[{"role":"user","content":"x"}]}"#, "without a turn of the assistant"),
      (
        #"{"messages":[{"role":"user","content":"x"},{"role":"system","content":"x"}]}"#,
        "turn 2 is a system message"
      ),
      (
        #"{"messages":[{"role":"user","content":"x<|im_end|>"},{"role":"assistant","content":"y"}]}"#,
        "contains <|im_end|>"
      ),
      // Characters that join the token's last one do not hide it.
      (
        #"{"messages":[{"role":"user","content":"x<|im_end|>\u200d"},{"role":"assistant","content":"y"}]}"#,
        "contains <|im_end|>"
      ),
    ])
  func refusals(line: String, message: String) throws {
    let reader = try Self.reader("chatml")
    let good = #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#
    let error = #expect(throws: FileError.self) {
      let rows = try reader.rows(
        Array((good + "\n" + line + "\n").utf8), path: "chat.jsonl", kind: .auto)
      _ = try Chat(ChatTemplate(.chatml)).encode(rows, by: reader)
    }
    #expect(error?.place == "line 2" && error?.reason.contains(message) == true)
    #expect(error?.remedy.isEmpty == false)
  }

  @Test("a vocabulary without the template's tokens is refused, and so is an unknown template")
  func unknown() throws {
    var reader = try Self.reader("chatml")
    let rows = try Self.rows(
      reader,
      [
        try JSONValue(
          parsing:
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#.utf8
        )
      ])
    for (template, message) in [
      (ChatTemplate(.llama3), "no token <|start_header_id|>"), (nil, "how it sees conversations"),
    ] {
      reader.chatTemplate = template
      let error = #expect(throws: FileError.self) {
        try reader.task(of: rows, kind: .auto, windows: TextWindows(context: 8))
      }
      #expect(error?.reason.contains(message) == true)
      #expect(error?.remedy.contains("chat-template") == true)
    }
  }
}
