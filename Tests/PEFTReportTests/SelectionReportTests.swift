import PEFTReport
import Testing

@Suite("The page of a selection")
struct SelectionReportTests {
  private static let hostile = "<script>alert('x')</script>\"&amp;\u{1B}[31m\u{202E}\u{0}]]>"

  @Test("hostile names are escaped everywhere")
  func escaping() {
    let example = ReportExample(layerCount: 3, prefix: Self.hostile)
    var report = example.report(budget: 400_000, label: { Self.hostile + $0 })
    report.curves = CurveChart(
      lines: (0..<9).map { line in
        CurveChart.Line(Self.hostile + "\(line)", (1...300).map { ($0, Double($0 * line) / 7) })
      }, valueName: Self.hostile)
    report.interactions = InteractionMap(
      [4, 1, 0, 1, 1, 0, 0, 0, 0], names: (0..<3).map { Self.hostile + "\($0)" },
      indices: [1, 0, 2])
    report.all = example.scores
    let page = report.html
    #expect(!page.contains("<script") && !page.contains("\u{1B}") && !page.contains("\u{202E}"))
    #expect(!page.contains("alert('"))
    #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;amp;"))
    let drawings = [
      report.heatMap.svg, report.frontier.svg, report.comparison?.svg ?? "",
      report.curves?.svg ?? "", report.interactions?.svg ?? "",
    ]
    for drawing in drawings {
      let reader = MarkupReader(drawing)
      #expect(reader.isWellFormed)
      #expect(reader.elements.first?.attributes["role"] == "img")
      #expect(reader.elements.first?.attributes["aria-label"]?.isEmpty == false)
      #expect(!reader.elements.contains { $0.name == "script" })
    }
    let lines =
      report.heatMap.lines(width: 80, colour: false) + report.frontier.lines(width: 80, height: 9)
      + (report.comparison?.lines(width: 80) ?? [])
    let scalars = lines.joined().unicodeScalars
    #expect(!scalars.contains { $0.value < 0x20 || $0.value == 0x202E })
  }

  @Test("interactions are correlations; a group that moves nothing has none")
  func interactions() {
    let map = InteractionMap(
      [4, 1, 0, 1, 1, 0, 0, 0, 0], names: ["a", "b", "c"], indices: [1, 0, 2])
    #expect(map.correlations == [1, 0.5, 0, 0.5, 1, 0, 0, 0, 0])
    #expect(InteractionMap([2], names: ["a"], indices: [0]).svg.isEmpty)
    #expect(CurveChart(lines: [.init("a", [(1, .nan)])], valueName: "v").svg.isEmpty)
    #expect(CurveChart(lines: [.init("a", [(1, 2)])], valueName: "v").svg.contains("circle"))
  }

  @Test("the page is one file that requests nothing from the network")
  func selfContained() {
    let page = ReportExample().report(budget: 30_000).html
    for word in ["<script", "<link", "<img", "src=", "@import", "url(", "href"] {
      #expect(!page.contains(word), "\(word)")
    }
    let addresses = page.split(separator: "http").dropFirst()
    #expect(addresses.allSatisfy { $0.hasPrefix("://www.w3.org/2000/svg\"") })
  }

  @Test("everything but the doctype and void elements is well-formed")
  func wellFormed() {
    var page = ReportExample().report(budget: 30_000).html
    page = page.replacing("<!DOCTYPE html>", with: "")
    for void in [
      "<meta charset=\"utf-8\">", "<meta name=\"viewport\" content=\"width=device-width\">",
    ] {
      page = page.replacing(void, with: "")
    }
    #expect(MarkupReader(page).isWellFormed)
  }

  @Test("the answer states what, how much, which share, and how certain")
  func answer() {
    let example = ReportExample()
    var report = example.report(budget: 30_000)
    let chosen = report.chosen.reduce(0) { $0 + $1.parameterCount }
    #expect(report.trainedParameters == chosen + 770)
    report.value = 3
    report.largestValue = 4
    report.upperBound = 3.03
    #expect(report.answer.contains("within the budget of 30,000"))
    #expect(report.answer.contains("75 % of the reduction in loss"))
    #expect(report.answer.contains("by at most 1 %. This bound is proven for the estimates."))
    #expect(report.answer.contains("The task head (770 parameters) always trains"))
    report.isProvenOptimal = true
    #expect(report.answer.contains("this is proven for the estimates, not for the model."))
    report.chosen = []
    report.budget = nil
    #expect(report.answer.contains("No group was chosen.") && report.html.contains("<p>None.</p>"))
    report.isProvenOptimal = false
    report.upperBound = .infinity
    #expect(report.answer.contains("It is not known whether"))
  }
}
