import PEFTNetwork
import PEFTSelect
import Testing

@Suite("Selection by ranking")
struct RankingTests {
  private static func group(
    _ name: String, _ count: Int, kind: ParameterKind = .norm, exclusionClass: Int? = nil
  ) -> ParameterGroup {
    ParameterGroup(
      name: name, kind: kind, layer: nil, parameterCount: count, members: [.tensor(name)],
      exclusionClass: exclusionClass)
  }

  private let groups = [
    group("head", 10, kind: .head), group("a", 50), group("b", 5), group("c", 20), group("d", 1),
  ]
  private let scores = [9, 3, 4.0, 5, 1]

  @Test("the prefix ends at the first group that does not fit; the ranking continues without it")
  func endings() {
    // By score: c 20, b 5, a 50 (does not fit into the remainder of 40), d 1.
    #expect(Selection.ranked(groups, by: scores, budget: 40, ending: .atTheFirst) == [0, 2, 3])
    #expect(Selection.ranked(groups, by: scores, budget: 40, ending: .never) == [0, 2, 3, 4])
    #expect(Selection.ranked(groups, by: scores, budget: 12, ending: .atTheFirst) == [0])
    #expect(Selection.ranked(groups, by: scores, budget: 86, ending: .never) == [0, 1, 2, 3, 4])
  }

  @Test("groups without a score are skipped, a class gives one, and of equals the smaller is taken")
  func refusals() {
    let classed = [
      Self.group("x", 30, exclusionClass: 0), Self.group("y", 10, exclusionClass: 0),
      Self.group("z", 7), Self.group("zero", 1), Self.group("small", 6),
    ]
    let chosen = Selection.ranked(
      classed, by: [2, 3, 1, 0, 1], budget: 17, ending: .never)
    #expect(chosen == [1, 4])
    #expect(
      Selection.ranked(classed, by: [2, 3, 1, 0, 1], budget: 100, ending: .never) == [1, 2, 4])
  }
}
