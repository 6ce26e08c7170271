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
    func names(_ files: ModelFiles) throws -> (own: [String], others: [String]) {
      let members = try Recipe.members(of: files)
      let others = try #require(members[Recipe.tokenizerFilesKey]?.object)
      return (members.keys.filter { $0 != Recipe.tokenizerFilesKey }, others.keys)
    }
    let files = ModelFiles(directory: directory.path(""))
    let all = try names(files)
    #expect(all.own == ["config.json", "tokenizer.json"])
    #expect(all.others == ["chat_template.jinja", "tokenizer_config.json"])
    #expect(
      try files.settingDigests().keys.sorted() == [
        "chat_template.jinja", "config.json", "special_tokens_map.json", "tokenizer.json",
        "tokenizer_config.json",
      ])
    let other = try TemporaryDirectory()
    _ = try other.write("", to: "sentencepiece.bpe.model")
    _ = try other.write("{}", to: "special_tokens_map.json")
    let pieces = ModelFiles(directory: other.path(""))
    let some = try names(pieces)
    #expect(some.own.isEmpty)
    #expect(some.others == ["sentencepiece.bpe.model", "special_tokens_map.json"])
  }

  @Test("changed and new files are found; an earlier recipe is the same but for a template")
  func changes() throws {
    func recipe(_ files: [String: String]?) -> JSONObject {
      var recipe: JSONObject = ["version": .integer(2), "config.json": .string("a")]
      if let files {
        var members = JSONObject()
        for name in files.keys.sorted() { members[name] = files[name].map { .string($0) } }
        recipe[Recipe.tokenizerFilesKey] = .object(members)
      }
      return recipe
    }
    func isSame(_ found: [String: String]?, _ wanted: [String: String]) -> Bool {
      do {
        try Recipe.check(recipe(found), is: recipe(wanted), path: "run.json")
        return true
      } catch {
        #expect(error.description.contains("`model`"), "\(error.description)")
        return false
      }
    }
    let (settings, template) = ("tokenizer_config.json", ModelFiles.chatTemplateName)
    #expect(isSame([settings: "b"], [settings: "b"]))
    #expect(!isSame([settings: "b"], [settings: "c"]))
    #expect(!isSame([:], [settings: "b"]) && !isSame([settings: "b"], [:]))
    #expect(isSame(nil, [settings: "b"]))
    #expect(!isSame(nil, [settings: "b", template: "d"]))
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
