import PEFTReport
import TestSupport
import Testing

@Suite("Charts of frontiers and scores")
struct ChartTests {
  @Test("the frontier keeps undominated points, from any order")
  func corners() {
    let chart = FrontierChart(
      points: [(100, 3), (10, 1), (50, 0.5), (100, 2), (0, 9), (1000, 3), (2000, .nan), (500, 4)],
      marks: [], total: 10_000)
    #expect(chart.points.map(\.parameters) == [10, 100, 500])
    #expect(chart.points.map(\.value) == [1, 3, 4])
  }

  @Test("the staircase in text rises and reaches its top")
  func staircase() throws {
    let chart = FrontierChart(
      points: [(10, 1), (100, 2), (1000, 3)], marks: [("best", 1000, 0.5)], total: 10_000)
    let lines = chart.lines(width: 60, height: 9)
    let steps = lines.indices.compactMap { row in
      lines[row].firstIndex(of: "┌").map {
        lines[row].distance(from: lines[row].startIndex, to: $0)
      }
    }
    #expect(steps.count == 2 && steps == steps.sorted(by: >))
    #expect(
      lines.contains { $0.contains("0.1 %") } && lines.contains { $0.contains("1.0k") } == false)
    #expect(lines.contains { $0.contains("1k") })
    #expect(lines.last == "A best       1,000   10 %  5.00e-01")
    #expect(lines.allSatisfy { $0.count <= 60 })
  }

  @Test("marks get labels that do not overlap", arguments: 1...6 as ClosedRange<UInt64>)
  func labels(seed: UInt64) {
    var random = SeededRandom(seed)
    let marks = (0..<12).map { index in
      (
        label: "method number \(index)", parameters: Int.random(in: 9_000...20_000, using: &random),
        value: Double.random(in: 2...2.4, using: &random)
      )
    }
    let chart = FrontierChart(
      points: [(1000, 1), (30_000, 3)], marks: marks, total: 1_000_000)
    let reader = MarkupReader(chart.svg)
    #expect(reader.isWellFormed)
    let boxes = reader.elements.filter { $0.text.hasPrefix("method number") && $0.name == "text" }
      .compactMap { element -> (x: Double, y: Double, width: Double)? in
        guard let x = element.attributes["x"].flatMap(Double.init),
          let y = element.attributes["y"].flatMap(Double.init)
        else { return nil }
        return (x, y, Double(element.text.count) * 6.6)
      }
    #expect(boxes.count == marks.count)
    for (index, box) in boxes.enumerated() {
      for other in boxes[..<index] {
        #expect(
          abs(box.y - other.y) >= 14.9 || box.x + box.width <= other.x + 0.1
            || other.x + other.width <= box.x + 0.1)
      }
      #expect(box.x >= 0 && box.x + box.width <= 720)
    }
  }

  @Test("a frontier of 300,000 points stays a small drawing")
  func many() {
    let points = (1...300_000).map { (parameters: $0 * 300, value: Double($0).squareRoot()) }
    let chart = FrontierChart(points: points, marks: [], total: 100_000_000)
    #expect(chart.points.count == 300_000)
    let svg = chart.svg
    #expect(svg.utf8.count < 120_000 && MarkupReader(svg).isWellFormed)
  }

  @Test("no points, one point, equal and negative values are drawn or left out, never NaN")
  func degenerate() {
    let empty = FrontierChart(points: [], marks: [], total: 5)
    #expect(empty.svg.isEmpty && empty.lines(width: 80, height: 10) == ["no frontier"])
    let cases: [FrontierChart] = [
      FrontierChart(points: [(7, 0)], marks: [], total: 7),
      FrontierChart(points: [(7, 1e-300)], marks: [("m", 0, -1)], total: 7),
      FrontierChart(points: [], marks: [("m", 3, 1e12), ("n", 3, 1e12)], total: 9),
    ]
    for chart in cases {
      let text = chart.lines(width: 10, height: 1).joined() + chart.svg
      #expect(!text.lowercased().contains("nan") && !text.contains("inf"))
      #expect(MarkupReader(chart.svg).isWellFormed)
    }
    #expect(ScoreChart(rows: [], scoreName: "s", total: 1).svg.isEmpty)
    #expect(ScoreChart(rows: [], scoreName: "s", total: 1).lines(width: 80) == ["nothing compared"])
    let same = ScoreChart(
      rows: [.init(label: "a", parameters: 4, scores: [0, 0, .nan])], scoreName: "s", total: 8)
    #expect(MarkupReader(same.svg).isWellFormed && !same.svg.contains("nan"))
  }

  @Test("the table of scores has mean, standard deviation and share")
  func scores() {
    let chart = ScoreChart(
      rows: [
        .init(label: "ours", parameters: 250, scores: [0.5, 0.7], seconds: 12.25, isOurs: true),
        .init(label: "full", parameters: 100_000, scores: [0.75]),
        .init(label: "none", parameters: 0, scores: []),
      ], scoreName: "accuracy", total: 100_000)
    #expect(
      chart.lines(width: 80) == [
        "method         accuracy  parameters   share  seeds  seconds",
        "→ ours  0.6000 ± 0.1414         250  0.25 %      2     12.2",
        "full             0.7500     100,000   100 %      1        –",
        "none                  –           0     0 %      0        –",
      ])
    let reader = MarkupReader(chart.svg)
    #expect(reader.isWellFormed)
    #expect(reader.elements.filter { $0.name == "circle" }.count == 4)
    #expect(reader.texts("text").contains("ours") && !reader.texts("text").contains("none"))
  }
}
