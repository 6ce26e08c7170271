import PEFTReport
import Testing

@Suite("Tables of classes")
struct ConfusionTablesTests {
  private static let hostile = "<b>\u{1B}[31m"

  private func tables(hidden: Int = 0) -> ConfusionTables {
    ConfusionTables(
      [
        .init(name: "net", support: 9, precision: 0.5, recall: 4.0 / 9, f1: 0.25),
        .init(name: Self.hostile, support: 3, precision: 1, recall: 0, f1: 0),
      ],
      counts: [[4, 3], [3, 0]], hidden: hidden)
  }

  @Test("each class with its numbers, then the counts by answer")
  func lines() throws {
    let lines = tables().lines(width: 80)
    #expect(lines[1].hasPrefix("net ") && lines[1].hasSuffix("9     0.5000  0.4444  0.2500"))
    #expect(lines.last?.hasSuffix("3  0") == true)
    #expect(!lines.joined().contains("\u{1B}"))
    #expect(!lines.joined().contains("others"))
  }

  @Test("rows answered with a class that is not shown are counted as others")
  func others() throws {
    let lines = tables(hidden: 2).lines(width: 80)
    #expect(lines.contains("… and 2 classes with fewer rows"))
    // 9 rows, of which 4 and 3 have shown answers.
    #expect(lines.contains { $0.hasPrefix("1 net") && $0.hasSuffix("2") })
    #expect(lines.allSatisfy { $0.count <= 80 })
  }

  @Test("the page has both tables, escaped")
  func page() {
    var page = HTMLPage(title: "t")
    tables(hidden: 1).add(to: &page)
    #expect(page.html.contains("aria-label=\"Confusion matrix: "))
    #expect(page.html.contains("… and 1 class with fewer rows."))
    #expect(page.html.contains("&lt;b&gt;") && !page.html.contains("<b>"))
  }

  @Test("text is broken at spaces, and only there")
  func wrapping() {
    #expect(ReportText.wrapped("  one two three", to: 9, indent: 4) == ["  one two", "    three"])
    #expect(ReportText.wrapped("unbreakable a", to: 4) == ["unbreakable", "a"])
    #expect(ReportText.wrapped("", to: 4) == [""])
  }
}
