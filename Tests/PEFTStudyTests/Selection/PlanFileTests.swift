import Foundation
import PEFTNetwork
import PEFTSelect
import PEFTStudy
import PEFTTensor
import Testing

@Suite("Plans in files")
struct PlanFileTests {
  /// The best of four groups in addition to the head under a budget of 10: b and c, but not a; c
  /// excludes d.
  private static let text = """
    {"format":1,"model":{"directory":"/model","files":{"model.safetensors":"00"},"parameters":100},
    "budget":10,"weight":10,"share":0.1,"value":6,"upperBound":6,"proven":true,"solver":"core",
    "valueRule":"newton","groups":[
    {"name":"b","kind":"bias","parameters":4,"value":3,"step":1,"frequency":1,"members":["b"]},
    {"name":"c","kind":"bias","parameters":4,"value":3,"step":4,"members":["c"]},
    {"name":"head","kind":"head","parameters":2,"value":0,"step":0,"members":["head"]}],"items":[
    {"name":"a","parameters":6,"value":5},
    {"name":"b","parameters":4,"value":3},
    {"name":"c","parameters":4,"value":3,"exclusionClass":1},
    {"name":"d","parameters":1,"value":1,"exclusionClass":1},
    {"name":"head","parameters":2,"value":0,"fixed":true}]}
    """

  private func plan(_ changes: [(String, String)] = []) throws -> Plan {
    let text = changes.reduce(Self.text) { text, change in
      #expect(text.contains(change.0), "\(change.0)")
      return text.replacing(change.0, with: change.1)
    }
    return try withFile(text) { try Plan.read($0) }
  }

  private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result
  {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "peft-plan-\(UUID().uuidString).json"
    ).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  @Test("a plan is consistent and survives a round trip through its file")
  func roundTrip() throws {
    let plan = try plan()
    let again = try withFile(plan.json.text()) { try Plan.read($0) }
    #expect(again.groups == plan.groups && again.items == plan.items)
    #expect(again.method.members == [.tensor("b"), .tensor("c"), .tensor("head")])
    let found = try again.check()
    #expect(found.weight == 10 && found.value == 6 && found.bestValue == 6)
    #expect(found.fractionalBound >= 6)
  }

  @Test("learning rates by group: in the ratio of roots, tempered, the head's unchanged")
  func rateFactors() throws {
    let factors = try plan().rateFactors
    #expect(factors["b"] == 0.5 && factors["c"] == 1 && factors["head"] == nil)
  }

  private static let swapped =
    "{\"name\":\"d\",\"kind\":\"bias\",\"parameters\":1,\"value\":1,\"step\":1,\"members\":[\"d\"]}"

  @Test(
    "every forgery is detected",
    arguments: [
      [("\"weight\":10", "\"weight\":9")], [("\"value\":6,", "\"value\":7,")],
      [("\"upperBound\":6", "\"upperBound\":5")], [("\"budget\":10", "\"budget\":9")],
      [("{\"name\":\"b\",\"parameters\":4", "{\"name\":\"b\",\"parameters\":3")],
      [("{\"name\":\"b\",\"parameters\":4", "{\"name\":\"x\",\"parameters\":4")],
      [("{\"name\":\"d\",\"parameters\"", "{\"name\":\"a\",\"parameters\"")],
      [("\"value\":5", "\"value\":9"), ("\"upperBound\":6", "\"upperBound\":20")],
      [
        (
          "{\"name\":\"b\",\"kind\":\"bias\",\"parameters\":4,\"value\":3,\"step\":1,\"frequency\":1,"
            + "\"members\":[\"b\"]}", swapped
        ),
        ("\"weight\":10", "\"weight\":7"), ("\"value\":6,", "\"value\":4,"),
      ],
      [
        (
          ",\n{\"name\":\"head\",\"kind\":\"head\",\"parameters\":2,\"value\":0,\"step\":0,"
            + "\"members\":[\"head\"]}", ""
        ), ("\"weight\":10", "\"weight\":8"),
      ],
    ])
  func forged(_ changes: [(String, String)]) throws {
    let plan = try plan(changes)
    #expect(throws: PlanFault.self) { try plan.check() }
    #expect {
      try plan.check("runs/plan.json")
    } throws: { ($0 as? PlanFault)?.description.hasPrefix("runs/plan.json: ") == true }
  }

  @Test(
    "invalid plans are refused",
    arguments: [
      ("\"parameters\":4", "\"parameters\":4611686018427387904"),
      ("\"parameters\":4", "\"parameters\":0"), ("\"value\":3", "\"value\":-3"),
      ("\"value\":3", "\"value\":1e999"), ("\"format\":1", "\"format\":2"),
      ("[\"c\"]", "[\"b\"]"), ("[\"c\"]", "[\"lora:99999999@c\"]"), ("[\"c\"]", "[\"c[-1]\"]"),
      ("\"kind\":\"bias\"", "\"kind\":\"bios\""), ("\"weight\":10", "\"weight\":\"ten\""),
      ("\"weight\":10", "\"weight\":10,\"probeSeconds\":1e300"),
      ("\"parameters\":100", "\"parameters\":9223372036854775807"),
      ("\"step\":4", "\"step\":\"far\""), ("\"frequency\":1", "\"frequency\":-1"),
      ("\"step\":4", "\"step\":4,\"layer\":-1"),
      ("\"exclusionClass\":1}", "\"exclusionClass\":1.5}"),
      (
        "\"weight\":10",
        "\"weight\":10,\"stability\":{\"resamples\":-1,\"valueMean\":1,\"valueDeviation\":0}"
      ),
    ])
  func refusals(_ original: String, _ forged: String) throws {
    #expect(throws: FileError.self) { try plan([(original, forged)]) }
  }
}
