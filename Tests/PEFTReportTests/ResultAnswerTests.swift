import PEFTReport
import Testing

@Suite("The answer in words")
struct ResultAnswerTests {
  private func chart(
    ours: [Double], lora: (parameters: Int, scores: [Double]), full: [Double], metric: String,
    higherIsBetter: Bool = true, rows: Int = 300
  ) -> ScoreChart {
    var own = ScoreChart.Row(label: "selection", parameters: 10_000, scores: ours, isOurs: true)
    (own.storedBytes, own.peakMemory) = (300_000, 200_000_000)
    var whole = ScoreChart.Row(label: "full", parameters: 1_000_000, scores: full)
    whole.storedBytes = 10_000_000
    var chart = ScoreChart(
      rows: [
        own,
        ScoreChart.Row(label: "lora r8", parameters: lora.parameters, scores: lora.scores),
        ScoreChart.Row(label: "head", parameters: 900, scores: [0.1]), whole,
      ], scoreName: metric, total: 1_000_000)
    chart.scale = ScoreScale(metric, on: "test", higherIsBetter: higherIsBetter, rowCount: rows)
    return chart
  }

  @Test("score, size, LoRA and full fine-tuning, certainty and costs are said")
  func accuracy() throws {
    let answer = try #require(
      ResultAnswer(chart(ours: [0.753], lora: (11_000, [0.716]), full: [0.82], metric: "accuracy")))
    #expect(answer.headline == "75.3 % accuracy on test with 1 % of the parameters")
    #expect(
      answer.sentences == [
        "3.7 points above LoRA of the same size, and 6.7 points below full fine-tuning; the "
          + "difference from LoRA of the same size may be due to chance.",
        "One seed; with 300 test rows, the score's 95 % interval is ± 4.9 points.",
        "300 kB to store instead of 10 MB; 200 MB of memory to train.",
      ])
    #expect(answer.figures.map(\.value) == ["75.3 %", "10,000", "300 kB", "200 MB"])
  }

  @Test("a score within its interval of the baseline is said to be no better, and another is not")
  func doubt() throws {
    var found = chart(ours: [0.753], lora: (11_000, [0.716]), full: [0.82], metric: "accuracy")
    found.baseline = 0.71
    #expect(
      try #require(ResultAnswer(found)).sentences[0]
        == "Not distinguishably better than the baseline, which reads no text and has 71.0 %.")
    found.baseline = 0.70
    #expect(try #require(ResultAnswer(found)).sentences[0].hasPrefix("3.7 points above LoRA"))
    var loss = chart(
      ours: [4.5], lora: (2_500, [4.25]), full: [5], metric: "perplexity", higherIsBetter: false)
    loss.baseline = 4.4
    #expect(try #require(ResultAnswer(loss)).sentences[0].hasSuffix("has 4.40."))
    loss.baseline = 4.6
    #expect(try #require(ResultAnswer(loss)).sentences[0].hasPrefix("0.2500 worse"))
  }

  @Test("several seeds and many rows make a difference certain")
  func seeds() throws {
    let answer = try #require(
      ResultAnswer(
        chart(
          ours: [0.75, 0.76], lora: (40_000, [0.70, 0.71]), full: [0.755, 0.755],
          metric: "accuracy", rows: 1_000_000)))
    #expect(
      answer.sentences[0]
        == "5.0 points above LoRA of rank 8, which trains 4.0 times as many parameters, and level "
        + "with full fine-tuning.")
    #expect(
      answer.sentences[1].hasPrefix(
        "2 seeds with a standard deviation of 0.7 points; with 1,000,000 test"))
  }

  @Test("a metric of which less is better is worse where it is higher")
  func perplexity() throws {
    let answer = try #require(
      ResultAnswer(
        chart(
          ours: [4.5], lora: (2_500, [4.25]), full: [5], metric: "perplexity",
          higherIsBetter: false)))
    #expect(answer.headline == "Perplexity 4.50 on test with 1 % of the parameters")
    #expect(
      answer.sentences[0]
        == "0.2500 worse than LoRA of rank 8, which trains 25 % as many parameters, and 0.5000 "
        + "better than full fine-tuning.")
    #expect(answer.sentences[1] == "One seed.")
    #expect(ResultAnswer(ScoreChart(rows: [], scoreName: "s", total: 1)) == nil)
  }
}
