import Foundation
import PEFTStudy
import PEFTTensor
import Testing

@Suite("What was tried for a goal")
struct GoalRecordTests {
  private static func trial(
    _ name: String, _ parameters: Int, _ score: Double, _ range: ClosedRange<Double>
  ) -> GoalRecord.Trial {
    GoalRecord.Trial(name: name, parameters: parameters, score: score, test: nil, range: range)
  }

  private static func record(
    _ goal: Goal, _ trials: [GoalRecord.Trial], full: GoalRecord.Full? = nil
  ) -> GoalRecord {
    GoalRecord(
      goal: goal, metric: "accuracy", rowCount: 500, headParameters: 10, full: full,
      ladder: ["head alone", "norm", "lora:1", "lora:2"], trials: trials)
  }

  private static let full = GoalRecord.Full(parameters: 9_000, score: 0.9, test: nil)

  @Test("the smallest set whose range is not below the goal is chosen, in any order of trials")
  func smallest() {
    let record = Self.record(
      .percentOfFull(98),
      [
        Self.trial("lora:2", 80, 0.91, 0.99...1.02), Self.trial("norm", 20, 0.88, 0.979...1.01),
        Self.trial("lora:1", 40, 0.885, 0.98...1.0),
      ], full: Self.full)
    #expect(record.chosen.name == "lora:1" && record.isReached && record.chosenCount == 50)
    #expect(record.rows.map { $0[0] } == ["norm", "lora:1", "lora:2", "full"])
    #expect(record.rows.map { $0.last } == ["no", "yes", "yes", ""])
    #expect(
      record.answer
        == "98 % of full fine-tuning is reached by lora:1 (40 parameters plus the head): "
        + "98.0 to 100.0 % on dev, with 1/180 of the parameters")
    #expect(record.caption.contains("1 more set was not tried"))
  }

  @Test("if none reaches the goal, the best score is kept, and of equals the smaller set")
  func unreached() {
    let record = Self.record(
      .score(0.95),
      [
        Self.trial("lora:2", 80, 0.9, 0.88...0.92), Self.trial("lora:1", 40, 0.9, 0.88...0.92),
        Self.trial("head alone", 0, 0.5, 0.48...0.52),
      ])
    #expect(record.chosen.name == "lora:1" && !record.isReached)
    #expect(
      record.answer.hasPrefix(
        "no set reaches accuracy 0.95 in nine of ten resamples of the 500 dev"))
    #expect(record.answer.contains("the best, lora:1 (40 parameters plus the head), is kept"))
  }

  /// A plan that trains the head and b for a goal.
  private static let text = """
    {"format":1,"model":{"directory":"/model","files":{},"parameters":100},
    "budget":6,"weight":6,"share":0.06,"value":3,"upperBound":5,"proven":false,"solver":"s",
    "valueRule":"newton","interaction":{"value":3,"additiveValue":3,"isObjective":true},
    "goal":{"goal":"98%-of-full","metric":"accuracy","rows":16,"head":2,
    "ladder":["head alone","bias","lora:1"],"chosen":"bias","reached":true,
    "full":{"parameters":100,"score":0.9,"test":0.8},"testLow":0.9,"testHigh":1.1,
    "sets":[{"name":"head alone","parameters":0,"score":0.5,"low":0.4,"high":0.6,"test":0.5},
    {"name":"bias","parameters":4,"score":0.9,"low":0.99,"high":1.01,"test":0.8}]},
    "groups":[
    {"name":"b","kind":"bias","parameters":4,"value":3,"step":1,"members":["b"]},
    {"name":"head","kind":"head","parameters":2,"value":0,"step":0,"members":["head"]}],"items":[
    {"name":"b","parameters":4,"value":3},
    {"name":"head","parameters":2,"value":0,"fixed":true}]}
    """

  private func plan(_ text: String) throws -> Plan {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "peft-goal-\(UUID().uuidString).json"
    ).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Plan.read(path)
  }

  @Test("the record survives a round trip through a plan, and holds")
  func roundTrip() throws {
    let plan = try plan(Self.text)
    let goal = try #require(plan.goal)
    #expect(goal.chosen.name == "bias" && goal.testRange == 0.9...1.1)
    #expect(try self.plan(plan.json.text()).goal == goal)
    #expect(try plan.check().weight == 6)
    #expect(goal.answer.hasSuffix("; on test 100.0 % (90.0 to 110.0 %)"))
  }

  @Test(
    "a changed record is refused",
    arguments: [
      ("98%-of-full", "98%"), ("98%-of-full", "0.98"), ("\"rows\":16", "\"rows\":0"),
      ("\"head\":2", "\"head\":-1"), ("\"head\":2", "\"head\":9223372036854775807"),
      ("\"chosen\":\"bias\"", "\"chosen\":\"lora:1\""), ("\"reached\":true", "\"reached\":false"),
      ("\"low\":0.99", "\"low\":0.97"), ("\"low\":0.99", "\"low\":1e999"),
      ("\"low\":0.99", "\"low\":1.02"), ("\"low\":0.99,", ""),
      ("\"parameters\":4,\"score\"", "\"score\""),
      ("\"name\":\"bias\"", "\"name\":\"other\""), ("\"name\":\"bias\"", "\"name\":\"head alone\""),
      ("\"testHigh\":1.1", "\"testHigh\":0.1"), ("\"testHigh\":1.1,", ""),
      ("\"full\":{\"parameters\":100", "\"full\":{\"parameters\":0"),
      ("\"full\":{\"parameters\":100", "\"full\":{\"parameters\":1"),
      ("\"metric\":\"accuracy\",", ""),
    ])
  func refused(_ original: String, _ forged: String) throws {
    #expect(Self.text.contains(original), "\(original)")
    #expect(throws: FileError.self) { try plan(Self.text.replacing(original, with: forged)) }
  }

  @Test("a plan of another size than its goal's set does not hold")
  func otherSize() throws {
    let forged = try plan(
      Self.text.replacing("\"parameters\":4,\"score\"", with: "\"parameters\":3,\"score\""))
    #expect(throws: PlanFault.self) { try forged.check() }
  }
}
