import PEFTSelect
import PEFTStudy
import Testing

@Suite("Batches of a probe")
struct ProbeBatchPlanTests {
  private func settings(direction: Int, probes: Int) -> ProbeSettings {
    var settings = ProbeSettings()
    settings.path = .held(directionBatches: direction)
    settings.probeCount = probes
    return settings
  }

  private func places(_ plan: ProbeBatchPlan, _ range: Range<Int>) -> [[Int]] {
    range.map { [plan.place(of: $0).pass, plan.place(of: $0).position] }
  }

  @Test("no batch is both in the direction and probed, and none is probed twice", arguments: 2..<60)
  func independence(batchCount: Int) {
    for (direction, probes) in [(24, 16), (1, 1), (3, 40), (40, 3), (1, 59)] {
      let plan = ProbeBatchPlan(
        settings(direction: direction, probes: probes), batchCount: batchCount)
      let made = places(plan, 0..<direction)
      let probed = places(plan, direction..<direction + plan.probeCount)
      #expect(plan.probeCount >= 1 && plan.probeCount <= probes)
      #expect(Set(probed).count == plan.probeCount)
      #expect(Set(made).isDisjoint(with: probed))
      #expect((made + probed).allSatisfy { $0[0] == 0 && $0[1] < batchCount })
      let isEnough = batchCount >= direction + probes
      #expect((plan.directionPart == nil) == isEnough && !plan.isShared)
      #expect(plan.directionPart.map { Set(made).count == min($0, direction) } ?? true)
      if isEnough {
        #expect(plan.probeCount == probes && made + probed == places(plan, 0..<direction + probes))
      }
    }
  }

  @Test("one batch serves for both; along a training run passes follow one another")
  func oneBatch() {
    let plan = ProbeBatchPlan(settings(direction: 3, probes: 2), batchCount: 1)
    #expect(plan.isShared && plan.probeCount == 1)
    #expect(places(plan, 0..<4) == [[0, 0], [0, 0], [0, 0], [0, 0]])
    var along = ProbeSettings()
    along.path = .training(steps: 9, period: 3, learningRate: 1e-3)
    let run = ProbeBatchPlan(along, batchCount: 4)
    #expect(run.directionPart == nil && run.probeCount == along.probeCount)
    #expect(places(run, 3..<6) == [[0, 3], [1, 0], [1, 1]])
  }
}
