import PEFTReport
import Testing

@Suite("Content of pages")
struct ReportPageTests {
  /// The elements of a page, read as XML.
  private func elements(_ html: String) throws -> [MarkupReader.Element] {
    var page = html.replacing("<!DOCTYPE html>", with: "")
    for void in [
      "<meta charset=\"utf-8\">", "<meta name=\"viewport\" content=\"width=device-width\">",
    ] {
      page = page.replacing(void, with: "")
    }
    let reader = MarkupReader(page)
    try #require(reader.isWellFormed)
    return reader.elements
  }

  @Test(
    "a page has one main element, headings without gaps, and names for everything that may scroll")
  func structure() throws {
    var report = ReportExample().report(budget: 60_000)
    report.all = ReportExample().scores
    let elements = try elements(report.html)
    #expect(elements.count { $0.name == "main" } == 1)
    let levels = elements.compactMap { element in
      element.name.wholeMatch(of: /h([1-6])/).flatMap { Int($0.1) }
    }
    #expect(levels.first == 1 && levels.count { $0 == 1 } == 1)
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 })
    for element in elements where element.attributes["tabindex"] != nil {
      #expect(element.attributes["tabindex"] == "0")
      #expect(element.attributes["aria-label"]?.isEmpty == false, "\(element)")
    }
    for element in elements where element.name == "svg" {
      #expect(element.attributes["role"] == "img")
    }
    let captions = elements.count { $0.name == "caption" && !$0.text.isEmpty }
    #expect(captions == elements.count { $0.attributes["role"] == "group" && $0.name == "div" })
    for element in elements where element.name == "th" {
      #expect(element.attributes["scope"] != nil && !element.text.isEmpty, "\(element)")
    }
  }

  @Test("the page of a thousand groups is small, and folds long lists")
  func thousand() throws {
    let example = ReportExample(
      layerCount: 124, prefix: "a_model_with_rather_long_names.encoder.")
    #expect(example.scores.count > 990)
    var report = example.report(budget: example.total / 2)
    report.all = example.scores
    report.curves = CurveChart(
      lines: (0..<12).map { line in
        CurveChart.Line("run \(line)", (1...2000).map { ($0, Double($0 * line)) })
      }, valueName: "loss")
    let count = example.scores.count
    report.interactions = InteractionMap(
      Array(repeating: 0.5, count: count * count), names: example.scores.map(\.name),
      indices: Array(0..<count))
    let page = report.html
    #expect(page.utf8.count < 600_000, "\(page.utf8.count) bytes")
    let elements = try elements(page)
    #expect(elements.count < 25_000, "\(elements.count) elements")
    // Chosen groups, the rest of them, every group, other budgets, overlaps, facts, machine.
    #expect(elements.count { $0.name == "details" } == 7)
    // The cells are wide enough to point at, in as many blocks as necessary.
    let cells = MarkupReader(report.heatMap.svg).elements.filter {
      $0.name == "rect" && $0.attributes["rx"] != nil
    }
    #expect(cells.count > count / 2)
    for cell in cells {
      let edges = ["x", "width"].compactMap { cell.attributes[$0].flatMap(Double.init) }
      #expect(edges.count == 2 && edges[1] >= 8 && edges[0] + edges[1] <= 720)
    }
  }
}
