import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTText
import TestSupport
import Testing

@Suite("Files of a model in recipes")
struct RecipeFilesTests {
  @Test("everything is recorded from which model and tokenizer are read")
  func names() throws {
    let directory = try TemporaryDirectory()
    for name in [
      "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
      "chat_template.jinja", "generation_config.json",
    ] {
      _ = try directory.write("{}", to: name)
    }
    let files = ModelFiles(directory: directory.path(""))
    #expect(
      Recipe.settingNames(of: files).filter(files.has)
        == ["config.json", "tokenizer.json", "chat_template.jinja", "tokenizer_config.json"])
    #expect(
      try files.settingDigests().keys.sorted() == [
        "chat_template.jinja", "config.json", "special_tokens_map.json", "tokenizer.json",
        "tokenizer_config.json",
      ])
    let other = try TemporaryDirectory()
    _ = try other.write("", to: "sentencepiece.bpe.model")
    _ = try other.write("{}", to: "special_tokens_map.json")
    let pieces = ModelFiles(directory: other.path(""))
    #expect(
      Recipe.settingNames(of: pieces).filter(pieces.has)
        == ["sentencepiece.bpe.model", "special_tokens_map.json"])
  }

  @Test("a changed file is found, and a recipe from before it was recorded is still the same")
  func changes() throws {
    let name = "tokenizer_config.json"
    let old: JSONObject = ["version": .integer(2), "config.json": .string("a")]
    var now = old
    now[name] = .string("b")
    try Recipe.check(old, is: now, path: "run.json")
    var other = old
    other[name] = .string("c")
    let error = #expect(throws: FileError.self) {
      try Recipe.check(other, is: now, path: "run.json")
    }
    #expect(error?.place == name)
    #expect(throws: FileError.self) { try Recipe.check(now, is: old, path: "run.json") }
  }

  @Test("a run is bound to the template it recorded, and an earlier run to none")
  func binding() throws {
    let directory = try TemporaryDirectory()
    try SmallModel.write(to: directory.path("model"), texts: ["a b c"])
    _ = try directory.write("one", to: "model/chat_template.jinja")
    let recorded = try ModelFiles(directory: directory.path("model")).digests()
    #expect(recorded[ModelFiles.chatTemplateName] != nil)
    func difference(_ recorded: [String: String]) throws -> String? {
      try ModelFiles(directory: directory.path("model")).difference(from: recorded)?.name
    }
    #expect(try difference(recorded) == nil)
    var earlier = recorded
    earlier[ModelFiles.chatTemplateName] = nil
    #expect(try difference(earlier) == nil)
    _ = try directory.write("two", to: "model/chat_template.jinja")
    #expect(try difference(recorded) == ModelFiles.chatTemplateName)
    #expect(try difference(earlier) == nil)
  }

  @Test("a template in a file of its own is read, before that of the settings")
  func template() throws {
    let fixture = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../PEFTDataTests/Fixtures/chat/llama3").standardized.path
    let directory = try TemporaryDirectory()
    let settings = try JSONValue(contentsOf: fixture + "/tokenizer_config.json")
    _ = try directory.write(
      try String(contentsOfFile: fixture + "/tokenizer.json", encoding: .utf8),
      to: "tokenizer.json")
    _ = try directory.write(#"{"chat_template": "no template"}"#, to: "tokenizer_config.json")
    let tokenizer = try Tokenizer.load(directory: directory.path(""))
    _ = try directory.write(
      try #require(settings["chat_template"]?.string), to: "chat_template.jinja")
    let files = ModelFiles(directory: directory.path(""))
    #expect(try ChatTemplate(files: files, tokenizer: tokenizer)?.name == .llama3)
  }
}
