import PEFTTensor
import Testing

@Suite("Learning rates")
struct LearningRateScheduleTests {
  @Test("linear warm-up, then decay", arguments: LearningRateSchedule.Decay.allCases)
  func values(decay: LearningRateSchedule.Decay) {
    let schedule = LearningRateSchedule(peak: 2, warmupSteps: 4, totalSteps: 10, decay: decay)
    let root3 = 3.0.squareRoot()
    let decayed: [Double] =
      switch decay {
      case .linear: [2, 10.0 / 6, 8.0 / 6, 1, 4.0 / 6, 2.0 / 6, 0, 0]
      case .cosine: [2, 1 + root3 / 2, 1.5, 1, 0.5, 1 - root3 / 2, 0, 0]
      case .constant: Array(repeating: 2, count: 8)
      }
    let expected = [0.5, 1, 1.5, 2] + decayed
    for (step, rate) in expected.enumerated() {
      // A few roundings in Double.
      #expect(abs(schedule.rate(at: step) - rate) < 1e-15 * 4, "step \(step)")
    }
  }

  @Test("no warm-up, only warm-up, and no steps at all")
  func edges() {
    #expect(LearningRateSchedule(peak: 3, warmupSteps: 0, totalSteps: 5).rate(at: 0) == 3)
    let short = LearningRateSchedule(peak: 3, warmupSteps: 3, totalSteps: 3)
    #expect((0..<3).map { short.rate(at: $0) } == [1, 2, 3])
    let empty = LearningRateSchedule(peak: 3, warmupSteps: 0, totalSteps: 0)
    #expect(empty.rate(at: 0).isFinite && empty.rate(at: 1) == 0)
  }

  @Test("clipping leaves small gradients unchanged and shrinks large ones to the limit")
  func clipping() {
    #expect(clippingFactor(norm: 0, limit: 1) == 1)
    #expect(clippingFactor(norm: 0.5, limit: 1) == 1)
    #expect(clippingFactor(norm: 8, limit: 2) == 2 / (8 + 1e-6))
    #expect(clippingFactor(norm: .infinity, limit: 1) == 0)
  }
}
