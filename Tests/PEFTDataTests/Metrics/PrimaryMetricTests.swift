import PEFTData
import Testing

@Suite("Primary metrics")
struct PrimaryMetricTests {
  private static func metrics(
    _ accuracy: Double, _ loss: Double
  ) -> [(name: String, value: Double)] {
    [("accuracy", accuracy), ("loss", loss)]
  }

  @Test("the score decides, and at equal scores the lower loss")
  func ties() {
    let accuracy = PrimaryMetric("accuracy", higherIsBetter: true)
    let base = Self.metrics(0.75, 0.5)
    #expect(accuracy.isBetter(Self.metrics(0.8, 0.9), than: base))
    #expect(!accuracy.isBetter(Self.metrics(0.7, 0.1), than: base))
    #expect(accuracy.isBetter(Self.metrics(0.75, 0.4), than: base))
    #expect(!accuracy.isBetter(base, than: base))
    #expect(!accuracy.isBetter(Self.metrics(0.75, .nan), than: base))
    #expect(accuracy.isBetter(base, than: Self.metrics(0.75, .nan)))
    let loss = PrimaryMetric.loss
    #expect(loss.isBetter(Self.metrics(0, 0.4), than: base))
    #expect(!loss.isBetter(Self.metrics(1, 0.5), than: base))
  }
}
