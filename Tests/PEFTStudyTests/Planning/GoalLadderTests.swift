import PEFTNetwork
import PEFTSelect
import PEFTStudy
import Testing

@Suite("The ladder of sets for a goal")
struct GoalLadderTests {
  private static func group(
    _ name: String, _ kind: ParameterKind, _ member: ParameterGroup.Member, _ size: Int,
    in exclusionClass: Int? = nil
  ) -> ParameterGroup {
    ParameterGroup(
      name: name, kind: kind, layer: nil, parameterCount: size, members: [member],
      exclusionClass: exclusionClass)
  }

  /// A head, norms and biases of similar sizes, a matrix, and adapters of four ranks on it.
  private static let groups =
    [
      group("head", .head, .tensor("h"), 3), group("bias", .bias, .tensor("b"), 15),
      group("norm", .norm, .tensor("n"), 10),
      group("matrix", .attention, .tensor("w"), 400, in: 0),
    ]
    + [1, 2, 4, 8].map { rank in
      group(
        "lora \(rank)", .adapter, .lowRank(weight: "w", rank: rank), 40 * rank, in: 0)
    }

  /// The efficiencies of groups that do not interact; in each probe, every second slope has the
  /// noise of the others with the other sign.
  private static func efficiency(_ slopes: [Double], noise: Double = 0.1) -> StepEfficiency? {
    let records = [noise, -noise, noise / 2, -noise / 2, 0, 0].map { error in
      ProbeRecord(
        exampleCount: 16,
        slopes: slopes.enumerated().map { $1 + ($0.isMultiple(of: 2) ? error : -error) },
        curvatures: slopes.map { _ in 1 },
        isAccepted: slopes.map { _ in true })
    }
    let count = slopes.count
    return StepEfficiency(
      records,
      interactions: (0..<count * count).map { $0 / count == $0 % count ? 1 : 0 },
      ridge: slopes.map { _ in 0 })
  }

  private static func ladder(_ efficiency: StepEfficiency?, values: [Double] = []) -> GoalLadder {
    GoalLadder(
      groups, values: values.isEmpty ? groups.map { _ in 1 } : values, efficiency: efficiency,
      seed: 1)
  }

  @Test("sets ascend from the head alone, and of near neighbours the more efficient stays")
  func near() {
    let rising = Self.efficiency([0, 2, 3, 1, 4, 5, 6, 7])
    let ladder = Self.ladder(rising)
    #expect(
      ladder.rungs.map(\.name) == ["head alone", "norm", "lora:1", "lora:2", "lora:4", "lora:8"])
    #expect(ladder.rungs.map(\.parameterCount) == [0, 10, 40, 80, 160, 320])
    #expect(ladder.rungs.map(\.groups) == [[], [2], [4], [5], [6], [7]])
    let biased = Self.ladder(Self.efficiency([0, 3.5, 3, 1, 4, 5, 6, 7]))
    #expect(biased.rungs.map(\.name)[1] == "bias")
  }

  @Test("a set that is certainly less efficient than a smaller one is left out")
  func inefficient() {
    // lora:2 is certainly worse than lora:1; lora:8 is as good as lora:4.
    let ladder = Self.ladder(Self.efficiency([0, 1, 3, 1, 4, 2, 6, 6]))
    #expect(ladder.rungs.map(\.name) == ["head alone", "norm", "lora:1", "lora:4", "lora:8"])
    // One that raises the loss is worse than the head alone.
    #expect(
      Self.ladder(Self.efficiency([0, -1, -1, 1, 4, 5, 6, 7])).rungs.map(\.name)
        == ["head alone", "lora:1", "lora:2", "lora:4", "lora:8"])
    // Larger sets than all that stay are last resorts, each twice as large as the one before it.
    #expect(
      Self.ladder(Self.efficiency([0, 1, 3, 1, 4, 2, 2, 2])).rungs.map(\.name)
        == ["head alone", "norm", "lora:1", "lora:2", "lora:4", "lora:8"])
    #expect(
      Self.ladder(Self.efficiency([0, 3, -1, 1, -1, -1, -1, -1])).rungs.map(\.name)
        == ["head alone", "bias", "lora:1", "lora:2", "lora:4", "lora:8"])
    // What is not certain stays.
    for (noise, stays) in [(0.01, false), (1, true)] {
      let ladder = Self.ladder(Self.efficiency([0, 1, 3, 1, 4, 3.9, 6, 7], noise: noise))
      #expect(ladder.rungs.map(\.name).contains("lora:2") == stays, "\(noise)")
    }
  }

  @Test("without interactions, nothing is left out for its efficiency, and values choose")
  func withoutInteractions() {
    let ladder = Self.ladder(nil, values: [0, 5, 1, 9, 1, 1, 1, 0])
    #expect(
      ladder.rungs.map(\.name) == ["head alone", "bias", "lora:1", "lora:2", "lora:4", "lora:8"])
    let headless = GoalLadder(
      Array(Self.groups.dropFirst()), values: [1, 2, 9, 1, 1, 1, 1], efficiency: nil, seed: 1)
    #expect(headless.rungs.first?.name == "norm")
  }
}
