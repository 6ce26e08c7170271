import Foundation
import PEFTTensor
import Testing

/// Uses files that commit 04422bc wrote, before recipes had a version, with the current command.
@Suite("Files of version 1")
struct Version1Tests {
  private typealias Fixture = Version1Fixture
  private let place: Version1Fixture

  init() throws { place = try Version1Fixture() }

  // MARK: - Finished results

  @Test(
    "a run evaluates to its recorded numbers, predicts and is verified",
    arguments: ["run", "delta"])
  func opened(name: String) throws {
    let base = ["--model", "@base"]
    let evaluated = try place.run(
      ["evaluate", "@" + name, "--data", "@data/dev.tsv", "--json"] + base)
    try #require(evaluated.status == 0, "\(evaluated.errors)")
    let metrics = try #require(try evaluated.document["metrics"])
    let recorded = try JSONValue(contentsOf: place.path("run/run.json"))["metrics"]?["dev"]
    let (loss, expected) = try (
      #require(metrics["loss"]?.double), #require(recorded?["loss"]?.double)
    )
    // Sums of 16 losses from Float32 logits, whose order differs between machines.
    #expect(abs(loss - expected) <= 1e-4 * expected)
    #expect(metrics["accuracy"] == recorded?["accuracy"])
    let predicted = try place.run(["predict", "@" + name, "--data", "@data/dev.tsv"] + base)
    #expect(predicted.status == 0 && predicted.output.split(separator: "\n").count == 16)
    let verified = try place.run(["verify", "@" + name] + base)
    #expect(verified.status == 0, "\(verified.errors)")
  }

  /// The learning rate that a method other than `full` and `head` had where none was given.
  private static let formerRate = ["--learning-rate", "5e-4"]

  @Test(
    "finished jobs are recognised by their options, and not with others",
    arguments: [
      ("run", Fixture.whole, ["--lora-dropout", "0.5"]),
      ("written", Fixture.written + Self.formerRate, ["--beams", "3"]),
      ("probe", Fixture.probe, ["--reach", "1e-2"]),
      ("probe", Fixture.probe, ["--candidates", "lora:1,4@c_attn"]),
      ("base", Fixture.pretrain + ["--steps", "4"], ["--context", "24"]),
    ])
  func known(name: String, options: [String], others: [String]) throws {
    let resuming = ["--output", "@" + name, "--resume"]
    let known = try place.run(options + resuming)
    #expect(known.status == 0 && known.errors.contains("nothing to do"), "\(known.errors)")
    // The last of two equal options counts.
    let refused = try place.run(options + others + resuming)
    #expect(refused.status == 3 && refused.errors.contains("was started with"), "\(refused.errors)")
  }

  @Test("groups are selected as before, and the plan is verified and trained")
  func planned() throws {
    let selected = try place.run(["select", "@probe", "--budget", "50%", "--output", "@chosen"])
    try #require(selected.status == 0, "\(selected.errors)")
    let (new, old) = try (
      JSONValue(contentsOf: place.path("chosen/plan.json")),
      JSONValue(contentsOf: place.path("plan/plan.json"))
    )
    for key in ["budget", "weight", "value", "groups", "items", "solver", "valueRule"] {
      #expect(new[key] != nil && new[key] == old[key], "\(key)")
    }
    let verified = try place.run(["verify", "@plan"])
    #expect(verified.status == 0, "\(verified.errors)")
    let trained = try place.run([
      "train", "--model", "@base", "--train", "@data/train.tsv", "--plan", "@plan/plan.json",
      "--steps", "2", "--output", "@planned",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
  }

  // MARK: - Interrupted jobs

  /// Every parameter decayed then, and a run that is resumed continues so.
  private static let decay = ["--weight-decay-on", "all"]

  /// On machines other than the one that made the fixtures, sums round differently. AdamW divides
  /// by the root of the mean square, and so turns the rounding error of a gradient near 0 into a
  /// fraction of a step. Over thirty steps this adds up to the tolerance.
  private static let tolerance = 0.02

  private func expectSame(
    _ found: String, _ expected: String, isExact: Bool
  ) throws {
    let (found, expected) = try (tensors(place.path(found)), tensors(place.path(expected)))
    #expect(!expected.isEmpty && found.keys.sorted() == expected.keys.sorted())
    for (name, values) in expected {
      let error = relativeError(found[name] ?? [], values)
      #expect(isExact ? error == 0 : error <= Self.tolerance, "\(name): \(error)")
    }
  }

  @Test(
    "an interrupted run resumes to the result of a current run",
    arguments: ["interrupted", "killed"])
  func resumedRun(name: String) throws {
    let isExact = try place.isMadeHere(name)
    let step = try #require(
      JSONValue(contentsOf: place.path(name) + "/checkpoint.json")["states"]?.array?.first?["step"]?
        .integer)
    try #require((1..<30).contains(step))
    let resumed = try place.run(Fixture.slow + ["--output", "@" + name, "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("after step \(step)"))
    #expect(try place.run(Fixture.slow + Self.decay + ["--output", "@whole"]).status == 0)
    try expectSame(
      name + "/trained.safetensors", "whole/trained.safetensors", isExact: isExact)
    // The steps have the same tokens, in the same order, with the same rates.
    func steps(_ run: String) throws -> [[Substring]] {
      try String(contentsOfFile: place.path(run) + "/steps.csv", encoding: .utf8)
        .split(separator: "\n").map {
          let cells = $0.split(separator: ",")
          return [cells[0], cells[2], cells[4]]
        }
    }
    #expect(try steps(name) == steps("whole"))
    let other = try place.run(
      Fixture.slow + ["--label-smoothing", "0.1", "--output", "@" + name, "--resume"])
    #expect(other.status == 3 && other.errors.contains("labelSmoothing"), "\(other.errors)")
  }

  @Test("an interrupted probe resumes to the result of a current probe")
  func resumedProbe() throws {
    let isExact = try place.isMadeHere("probing")
    let resumed = try place.run(Fixture.fit + ["--output", "@probing", "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try place.run(Fixture.fit + ["--output", "@probed"]).status == 0)
    func slopes(_ name: String) throws -> [Float] {
      let document = try JSONValue(contentsOf: place.path(name) + "/influence.json")
      #expect(document["complete"] == .bool(true))
      return (document["groups"]?.array ?? []).map { Float($0["slope"]?.double ?? .nan) }
    }
    let (found, expected) = try (slopes("probing"), slopes("probed"))
    let error = relativeError(found, expected)
    #expect(!expected.isEmpty && (isExact ? error == 0 : error <= Self.tolerance), "\(error)")
    #expect(
      try place.run(["select", "@probing", "--budget", "50%", "--output", "@chosen"]).status == 0)
  }

  @Test("an interrupted pretraining resumes to the result of a current one")
  func resumedPretraining() throws {
    let options = Fixture.pretrain + ["--epochs", "6", "--checkpoint-every", "2"]
    let isExact = try place.isMadeHere("run")
    let resumed = try place.run(options + ["--output", "@pretraining", "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("after step"), "\(resumed.errors)")
    #expect(try place.run(options + Self.decay + ["--output", "@pretrained"]).status == 0)
    try expectSame(
      "pretraining/model.safetensors", "pretrained/model.safetensors", isExact: isExact)
  }

  @Test("runs of an old suite are not repeated")
  func suite() throws {
    // Directories of suites have had markers only since then, so the test begins the suite now and
    // replaces its files with the old ones.
    var text = try String(contentsOfFile: place.path("data/suite.yaml"), encoding: .utf8)
      .replacing("model: base", with: "model: \(place.path("base"))")
    for name in ["train.tsv", "dev.tsv", "groups.yaml"] {
      text = text.replacing(name, with: place.path("data/" + name))
    }
    try text.write(toFile: place.path("suite.yaml"), atomically: true, encoding: .utf8)
    let compare = ["compare", "--suite", "@suite.yaml", "--output", "@again"]
    // All subsets of a probe's groups were one method then; now each is a method of its own.
    let unknown = try place.run(compare)
    #expect(unknown.status == 3 && unknown.errors.contains("groups: [A, B]"), "\(unknown.errors)")
    let subsets = [["attention"], ["rest"], ["attention", "rest"]].map {
      "  \"subsets:\($0.joined(separator: "+"))\": {groups: [\($0.joined(separator: ", "))], probe: pair}"
    }
    text = text.replacing(
      "  subsets: {subsets-of: pair}", with: subsets.joined(separator: "\n"))
    try text.write(toFile: place.path("suite.yaml"), atomically: true, encoding: .utf8)
    let begun = try place.run(compare)
    try #require(begun.status == 0, "\(begun.errors)")
    var cells: [String: Data] = [:]
    let names = try #require(FileManager.default.enumerator(atPath: place.path("suite")))
    for case let name as String in names
    where name.hasSuffix(".json") && name.contains("/") && !name.contains("subsets:none") {
      cells[name] = try Data(contentsOf: URL(filePath: place.path("suite/" + name)))
      try cells[name]?.write(to: URL(filePath: place.path("again/" + name)))
    }
    #expect(cells.keys.count { $0.contains("-rate-") } >= 9)
    let resumed = try place.run(compare + ["--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    for (name, bytes) in cells {
      #expect(try Data(contentsOf: URL(filePath: place.path("again/" + name))) == bytes, "\(name)")
    }
    let other = text.replacing("reach: 1e-2", with: "reach: 1e-3")
    try other.write(toFile: place.path("suite.yaml"), atomically: true, encoding: .utf8)
    let refused = try place.run(compare + ["--resume"])
    #expect(refused.status == 3 && refused.errors.contains("reach"), "\(refused.errors)")
  }

  // MARK: - Refusals

  @Test("a recipe that cannot be translated, or of a later version, is refused")
  func refused() throws {
    func change(_ name: String, _ edit: (inout JSONObject) -> Void) throws {
      var document = try #require(JSONValue(contentsOf: place.path(name)).object)
      var recipe = try #require(document["recipe"]?.object)
      edit(&recipe)
      document["recipe"] = .object(recipe)
      try JSONValue.object(document).text().write(
        toFile: place.path(name), atomically: true, encoding: .utf8)
    }
    for (key, value) in [
      ("length", "steps(nine)"), ("length", "9 steps"), ("batches", "examples(many)"),
      ("columns", "text"),
    ] {
      var was: JSONValue?
      try change("killed/checkpoint.json") {
        was = $0[key]
        $0[key] = .string(value)
      }
      let result = try place.run(Fixture.slow + ["--output", "@killed", "--resume"])
      #expect(
        result.status == 3 && result.errors.contains("earlier version")
          && result.errors.contains("begin again with --overwrite") && result.errors.contains(key),
        "\(value): \(result.errors)")
      try change("killed/checkpoint.json") { $0[key] = was }
    }
    try change("interrupted/checkpoint.json") { $0["version"] = .integer(3) }
    let later = try place.run(Fixture.slow + ["--output", "@interrupted", "--resume"])
    #expect(later.status == 3 && later.errors.contains("version 3"), "\(later.errors)")
  }
}
