import Foundation
import PEFTTensor
import Testing

/// The recipes that the current command writes.
@Suite("Recipes")
struct RecipeTests {
  private let place: Version1Fixture

  init() throws { place = try Version1Fixture() }

  /// Texts in a document that look like Swift's descriptions of values, without those in the
  /// environment, which come from elsewhere.
  private func descriptions(_ value: JSONValue) -> [String] {
    switch value {
    case .string(let text):
      text.contains(/[A-Za-z_]\(/) || text.contains(/[A-Za-z]\.[A-Z][A-Za-z]+\./) ? [text] : []
    case .array(let values): values.flatMap(descriptions)
    case .object(let object):
      object.members.flatMap { $0.key == "environment" ? [] : descriptions($0.value) }
    default: []
    }
  }

  private func check(_ name: String, recipe key: String?) throws {
    let document = try JSONValue(contentsOf: place.path(name))
    #expect(descriptions(document) == [], "\(name)")
    let recipe = try #require(key.map { document[$0] } ?? document, "\(name)")
    #expect(recipe["version"] == .integer(2), "\(name)")
  }

  @Test("contain no text that Swift prints for a value")
  func explicit() throws {
    #expect(
      descriptions(try JSONValue(contentsOf: place.path("written/run.json"))).count >= 3,
      "the search finds those of version 1")
    for (name, options) in [
      ("new-run", Version1Fixture.whole + ["--group-by-length", "--patience", "3"]),
      ("new-written", Version1Fixture.written),
      (
        "new-sampled",
        Version1Fixture.prompts + ["--temperature", "0.5", "--top-k", "3"]
      ),
    ] {
      let trained = try place.run(options + ["--output", "@" + name])
      try #require(trained.status == 0, "\(trained.errors)")
      try check(name + "/settings.json", recipe: nil)
      try check(name + "/run.json", recipe: "recipe")
    }
    for (name, options) in [
      ("new-probe", Version1Fixture.probe + ["--warm-steps", "1"]),
      ("new-fit", Version1Fixture.fit),
    ] {
      let probed = try place.run(options + ["--output", "@" + name])
      try #require(probed.status == 0, "\(probed.errors)")
      try check(name + "/influence.json", recipe: "recipe")
    }
    let pretrained = try place.run(
      Version1Fixture.pretrain + ["--steps", "2", "--output", "@new-base"])
    try #require(pretrained.status == 0, "\(pretrained.errors)")
    try check("new-base/pretraining.json", recipe: nil)
  }

  @Test("in a checkpoint contain none either")
  func checkpoint() throws {
    let run = place.path("new")
    let arguments = (Version1Fixture.slow + ["--output", "@new", "--workers", "1"]).map {
      $0.hasPrefix("@") ? place.path(String($0.dropFirst())) : $0
    }
    let (process, streams) = try PEFTProcess.start(arguments)
    while process.isRunning, !FileManager.default.fileExists(atPath: run + "/checkpoint.json") {
      usleep(500)
    }
    kill(process.processIdentifier, SIGKILL)
    #expect(try PEFTProcess.finish(process, streams).status == -SIGKILL)
    try check("new/checkpoint.json", recipe: "recipe")
  }
}
