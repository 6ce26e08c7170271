import PEFTReport
import Testing

/// The examples of PEFTReport's articles.
@Suite("Examples of PEFTReport")
struct ReportExamples {
  @Test("charts")
  func charts() {
    let frontier = FrontierChart(
      points: [(1_000, 0.2), (10_000, 0.5), (100_000, 0.6)], marks: [("chosen", 10_000, 0.5)],
      total: 1_000_000)
    for line in frontier.lines(width: 60, height: 8) { print(line) }
    #expect(frontier.lines(width: 60, height: 8).count >= 8)

    let scores = ScoreChart(
      rows: [
        ScoreChart.Row(label: "bitfit", parameters: 3_000, scores: [0.81, 0.83]),
        ScoreChart.Row(label: "lora", parameters: 12_000, scores: [0.86, 0.85]),
      ], scoreName: "accuracy", total: 1_000_000)
    for line in scores.lines(width: 80) { print(line) }
    #expect(scores.lines(width: 80).contains { $0.contains("0.8550") })
  }
}
