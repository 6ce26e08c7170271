import PEFTRuns
import PEFTStudy
import Testing

@Suite("Goals")
struct GoalTests {
  @Test(
    "a goal is a share of full fine-tuning or a score, and its text reads back",
    arguments: [
      ("98%-of-full", Goal.percentOfFull(98)), ("99.5%-of-full", .percentOfFull(99.5)),
      ("100%-of-full", .percentOfFull(100)), ("0.93", .score(0.93)), ("1", .score(1)),
      ("0.0001", .score(1e-4)),
    ])
  func parsed(text: String, goal: Goal) throws {
    #expect(try Goal(text) == goal)
    #expect("\(goal)" == text)
    #expect(goal.isRelative == text.hasSuffix("full"))
  }

  @Test(
    "anything else is refused with what to write",
    arguments: [
      ("98%", "98%-of-full"), ("98", "98%-of-full"), ("98", "0.98"), ("97.5", "97.5%-of-full"),
      ("0%-of-full", "above 0"), ("101%-of-full", "100 %"), ("-1%-of-full", "such as"),
      ("0", "such as 0.93"), ("1000", "such as"), ("1e-1", "such as"), ("nan", "such as"),
      ("0x1p-1", "such as"), (".5", "such as"), ("0.9.3", "such as"), ("", "such as"),
      ("98 %-of-full", "such as"), ("%-of-full", "such as"), ("٩٨%-of-full", "such as"),
      ("0.00001", "such as"), ("0.00005%-of-full", "such as"),
    ])
  func refused(text: String, remedy: String) {
    #expect {
      try Goal(text)
    } throws: { ($0 as? InvalidSetting)?.description.contains(remedy) == true }
  }

  @Test("the measure of a goal is the share of full fine-tuning, or the score")
  func measures() {
    #expect(Goal.score(0.5).measure(0.7, full: nil) == 0.7)
    let share = Goal.percentOfFull(98)
    #expect(share.measure(0.45, full: 0.9) == 0.5 && share.least == 0.98)
    // Where full fine-tuning has no skill, nothing is a share of it.
    #expect(share.measure(0, full: 0) == 0 && share.measure(0.2, full: -0.1) == 0)
  }
}
