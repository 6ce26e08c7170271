import PEFTData
import PEFTNetwork
import PEFTStudy
import TestSupport
import Testing

@Suite("Metrics on resampled rows")
struct MetricResamplesTests {
  private static let labels = (0..<400).map { $0 % 3 == 0 ? 1 : 0 }
  private static let task = Classification(LabelMap(["no", "yes"]))

  /// Answers of which those at `wrong` are wrong, each with a probability.
  private static func answers(wrong: Set<Int>) -> [Double] {
    labels.enumerated().flatMap { index, label in
      [Double(wrong.contains(index) ? 1 - label : label), 0.75]
    }
  }

  private static func resamples(seed: UInt64 = 1) -> MetricResamples {
    MetricResamples(.classes(labels), task: task, seed: seed)
  }

  /// The range of the share of full fine-tuning.
  private static func share(_ set: [Double], of full: [Double]) -> ClosedRange<Double> {
    let (ours, theirs) = (resamples().scores(of: set), resamples().scores(of: full))
    return MetricResamples.range(
      of: zip(ours.resampled, theirs.resampled).map {
        Goal.percentOfFull(98).measure($0, full: $1)
      })
  }

  @Test("equal answers have all of full fine-tuning's score on every resample: rows are paired")
  func paired() {
    let wrong = Set(stride(from: 0, to: 400, by: 4))
    let answers = Self.answers(wrong: wrong)
    #expect(Self.share(answers, of: answers) == 1...1)
    // The score itself varies between resamples.
    let scores = Self.resamples().scores(of: answers)
    #expect(scores.whole == 0.75 && scores.resampled.count == MetricResamples.count)
    let range = MetricResamples.range(of: scores.resampled)
    // Eight of ten normal values are within 1.28 standard errors, √(0.75 · 0.25 / 400).
    #expect(abs(range.lowerBound - (0.75 - 1.28 * 0.02165)) < 0.006)
    #expect(abs(range.upperBound - (0.75 + 1.28 * 0.02165)) < 0.006)
  }

  @Test("a better set reaches the share, a worse one does not, and an uncertain one does not")
  func decisions() {
    let full = Self.answers(wrong: Set(0..<40))
    func reaches(_ wrong: Set<Int>) -> Bool {
      Self.share(Self.answers(wrong: wrong), of: full).lowerBound >= Goal.percentOfFull(98).least
    }
    #expect(reaches(Set(0..<20)) && reaches(Set(0..<40)))
    #expect(!reaches(Set(0..<100)))
    // As many errors as full fine-tuning, on other rows: less than 98 % of it too often.
    #expect(!reaches(Set(200..<240)))
    // A few more errors than full fine-tuning on the same rows are certain to be few.
    #expect(reaches(Set(0..<42)))
  }

  @Test("the same seed gives the same resamples, another seed others")
  func deterministic() {
    let answers = Self.answers(wrong: [1, 5, 77])
    let first = Self.resamples().scores(of: answers).resampled
    #expect(first == Self.resamples().scores(of: answers).resampled)
    #expect(first != Self.resamples(seed: 2).scores(of: answers).resampled)
  }

  @Test("an example of several rows stays whole, and any metric is computed again")
  func wholeExamples() {
    let tagged = MetricResamples(
      .classes(ofRows: [[0], [1, 1, 1]]), task: TokenClassification(LabelMap(["A", "C"])), seed: 1)
    // The first text is right, the second wrong in all three words.
    let scores = tagged.scores(of: [0, 0, 0, 0])
    #expect(scores.whole == 0.25 && Set(scores.resampled) == [0, 0.25, 1])
    let values = MetricResamples(.values([1, 2, 3, 4, 5, 6]), task: Regression(), seed: 1)
    let found = values.scores(of: [2, 4, 6, 8, 10, 12])
    #expect(abs(found.whole - 1) < 1e-12)
    // A resample of one row alone has no correlation, 0.
    #expect(found.resampled.allSatisfy { abs($0 - 1) < 1e-12 || $0 == 0 })
  }

  @Test("nine of ten values are not below the range, nor above it")
  func range() {
    let range = MetricResamples.range(of: (1...1000).map(Double.init).reversed())
    #expect(range == 101...900)
  }
}
