import PEFTNetwork
import PEFTSelect
import Testing

@Suite("Uniform sets and their efficiency")
struct StepEfficiencyTests {
  private static func records(_ slopes: [[Double]]) -> [ProbeRecord] {
    slopes.map {
      ProbeRecord(
        exampleCount: 16, slopes: $0, curvatures: $0.map { _ in 1 },
        isAccepted: $0.map { _ in true })
    }
  }

  @Test("the efficiency of a set is its slope over the root of its joint curvature")
  func values() throws {
    let efficiency = try #require(
      StepEfficiency(
        Self.records([[1, 2, 0], [3, 2, 0]]), interactions: [4, 1, 0, 1, 9, 0, 0, 0, 0],
        ridge: [0, 1, 0]))
    #expect(efficiency.value(of: [0]) == 2 / 2)
    #expect(abs(efficiency.value(of: [0, 1]) - 4 / (4 + 9 + 2 + 1.0).squareRoot()) < 1e-12)
    #expect(efficiency.value(of: [2]) == 0 && efficiency.value(of: []) == 0)
    #expect(StepEfficiency([], interactions: [], ridge: []) == nil)
  }

  @Test("errors that two sets share cancel, and a difference of chance is not certain")
  func differences() throws {
    // Both slopes have the same large noise; the second is always greater by 1.
    let noise = [5.0, -4, 3, -6, 2, 0, 1, -1]
    let efficiency = try #require(
      StepEfficiency(
        Self.records(noise.map { [$0 + 2, $0 + 3, -$0] }),
        interactions: [1, 0, 0, 0, 1, 0, 0, 0, 1], ridge: [0, 0, 0]))
    #expect(efficiency.difference([1], from: [0], seed: 1).lowerBound > 0.99)
    #expect(efficiency.difference([0], from: [1], seed: 1).upperBound < -0.99)
    let chance = efficiency.difference([2], from: [], seed: 1)
    #expect(chance.lowerBound < 0 && chance.upperBound > 0)
  }

  @Test("norms, biases, elements, and adapters of one rank are sets, wide and narrow")
  func sets() {
    func group(
      _ name: String, _ kind: ParameterKind, _ members: [ParameterGroup.Member], _ size: Int,
      in exclusionClass: Int? = nil
    ) -> ParameterGroup {
      ParameterGroup(
        name: name, kind: kind, layer: nil, parameterCount: size, members: members,
        exclusionClass: exclusionClass)
    }
    var groups = [group("head", .head, [.tensor("h")], 3)]
    for layer in 0..<2 {
      let (query, key, inner) = ("\(layer).q", "\(layer).k", "\(layer).f")
      groups += [
        group("norm \(layer)", .norm, [.tensor("\(layer).n")], 8),
        group("attention \(layer)", .attention, [.tensor(query), .tensor(key)], 32, in: 2 * layer),
        group("inner \(layer)", .feedForward, [.tensor(inner)], 64, in: 2 * layer + 1),
      ]
      groups.append(
        group(
          "e \(layer)", .adapter,
          [.elements(weight: query, count: 3), .elements(weight: key, count: 3)], 6, in: 2 * layer))
      for rank in [1, 2] {
        groups += [
          group(
            "a\(rank) \(layer)", .adapter,
            [.lowRank(weight: query, rank: rank), .lowRank(weight: key, rank: rank)], 16 * rank,
            in: 2 * layer),
          group(
            "n\(rank) \(layer)", .adapter, [.lowRank(weight: query, rank: rank)], 8 * rank,
            in: 2 * layer),
          group(
            "f\(rank) \(layer)", .adapter, [.lowRank(weight: inner, rank: rank)], 20 * rank,
            in: 2 * layer + 1),
        ]
      }
    }
    let all = UniformSet.all(of: groups)
    // Of what cannot be told apart: adapters before norms before elements, and then the largest.
    #expect(UniformSet.preferred(among: all)?.name == "lora:2")
    #expect(
      UniformSet.preferred(among: all.filter { $0.parameterCount < 20 })?.name
        == "lora:1 on the usual matrices")
    #expect(UniformSet.preferred(among: Array(all.prefix(2)))?.name == "norm")
    #expect(UniformSet.preferred(among: []) == nil)
    let sets = all.map { set in
      "\(set.name) \(set.parameterCount): "
        + set.groups.map { groups[$0].name }.joined(separator: ", ")
    }
    #expect(
      sets == [
        "norm 16: norm 0, norm 1", "speft:3 12: e 0, e 1",
        "lora:1 72: a1 0, f1 0, a1 1, f1 1",
        "lora:1 on the usual matrices 16: n1 0, n1 1",
        "lora:2 144: a2 0, f2 0, a2 1, f2 1", "lora:2 on the usual matrices 32: n2 0, n2 1",
      ])
  }
}
