import PEFTTensor

/// A self-contained HTML page: one file without scripts or network access, for light and dark mode.
///
/// All incoming text is escaped here; only `figure` takes markup unchanged. All content is in one
/// `main` element, and everything that may scroll sideways has a name and can be reached by
/// keyboard.
package struct HTMLPage {
  private let title: String
  private var body: [String] = []

  /// An empty page called `title`.
  package init(title: String) { self.title = title }

  /// Adds a heading: level 1 for the page, 2 for a section, 3 for a subsection.
  package mutating func heading(_ text: String, level: Int = 2) {
    body.append("<h\(level)>\(Self.escape(text))</h\(level)>")
  }

  /// Adds a paragraph.
  package mutating func paragraph(_ text: String) { body.append("<p>\(Self.escape(text))</p>") }

  /// Adds a note as a paragraph: with a capital letter and a full stop. A warning is set off.
  package mutating func sentence(_ note: String) {
    let text = note.prefix(1).uppercased() + note.dropFirst() + "."
    let kind = note.hasPrefix("warning: ") ? "warning" : "note"
    body.append("<p class=\"\(kind)\">\(Self.escape(text))</p>")
  }

  /// Adds the top of the page: what it is about, the answer, sentences that qualify it, and the
  /// numbers to see first.
  package mutating func answer(
    about subject: String, headline: String, lead: [String], figures: [KeyFigure]
  ) {
    body.append("<p class=\"kicker\">\(Self.escape(subject))</p>")
    heading(Self.bound(headline), level: 1)
    if !lead.isEmpty {
      let text = Self.bound(lead.joined(separator: " "))
      body.append("<p class=\"lead\">\(Self.escape(text))</p>")
    }
    guard !figures.isEmpty else { return }
    let items = figures.map { figure in
      "<div><dt>\(Self.escape(figure.name))</dt>"
        + "<dd class=\"value\">\(Self.escape(figure.value))</dd>"
        + (figure.note.isEmpty ? "" : "<dd>\(Self.escape(figure.note))</dd>") + "</div>"
    }
    body.append("<dl class=\"figures\">\(items.joined(separator: "\n"))</dl>")
  }

  /// `text` with numbers that stay on the line of their units.
  private static func bound(_ text: String) -> String {
    text.replacing(" %", with: "\u{A0}%").replacing("± ", with: "±\u{A0}")
      .replacing(#/([0-9]) (kB|MB|GB|points?|s|min|h)\b/#) { "\($0.1)\u{A0}\($0.2)" }
  }

  /// Adds a drawing twice, for wide pages and for phones, of which a page shows one. `draw` returns
  /// safe SVG markup of a width; an empty drawing adds nothing.
  package mutating func figure(caption: String? = nil, _ draw: (_ width: Double) -> String) {
    let drawings = PageStyle.drawingWidths.map(draw)
    guard drawings.allSatisfy({ !$0.isEmpty }) else { return }
    body.append(
      "<figure><div class=\"desk\">\(drawings[0])</div>"
        + "<div class=\"phone\">\(drawings[1])</div>"
        + (caption.map { "<figcaption>\(Self.escape($0))</figcaption>" } ?? "") + "</figure>")
  }

  /// Adds a drawing as SVG markup, which must already be safe. An empty drawing adds nothing.
  ///
  /// `label` names the drawing for readers who reach it by keyboard, to scroll it on a narrow
  /// screen.
  package mutating func figure(_ svg: String, label: String) {
    guard !svg.isEmpty else { return }
    body.append(
      "<figure class=\"scrolled\" tabindex=\"0\" aria-label=\"\(Self.escape(label))\">\(svg)</figure>"
    )
  }

  /// Adds names with their values. An empty list adds nothing.
  package mutating func facts(_ facts: [(String, String)]) {
    guard !facts.isEmpty else { return }
    let rows = facts.map {
      "<tr><th scope=\"row\">\(Self.escape($0.0))</th><td>\(Self.escape($0.1))</td></tr>"
    }
    body.append("<table class=\"facts\">\(rows.joined(separator: "\n"))</table>")
  }

  /// Adds names with their values in a folded section. An empty list adds nothing.
  package mutating func foldedFacts(_ title: String, _ facts: [(String, String)]) {
    folded(title) { $0.facts(facts) }
  }

  /// Adds a section that can be unfolded by mouse or keyboard, with what `content` adds. Without
  /// content, it adds nothing.
  package mutating func folded(_ title: String, _ content: (inout HTMLPage) -> Void) {
    var inner = HTMLPage(title: title)
    content(&inner)
    guard !inner.body.isEmpty else { return }
    body.append("<details><summary>\(Self.escape(title))</summary>")
    body += inner.body
    body.append("</details>")
  }

  /// Adds how to make a result again: the command line, the machine and the software. If nothing is
  /// known, it adds nothing.
  package mutating func provenance(_ facts: [(String, String)]) {
    if let command = facts.first(where: { $0.0 == "command" })?.1 {
      folded("How to reproduce it") { $0.code(command) }
    }
    foldedFacts("Machine and software", facts.filter { $0.0 != "command" })
  }

  /// Adds a table of numbers called `label`, which is its caption too. The first cell of each row
  /// names the row; the others are right-aligned. The row at `own` is set off. A table without rows
  /// adds nothing.
  package mutating func table(
    _ label: String, header: [String], rows: [[String]], own: Int? = nil
  ) {
    guard !rows.isEmpty else { return }
    let isLong = rows.contains { ($0.first?.count ?? 0) > Self.shortName }
    let lines = rows.enumerated().map { index, row in
      "<tr\(index == own ? " class=\"ours\"" : "")>"
        + row.enumerated().map { column, text in
          column == 0
            ? "<th scope=\"row\">\(isLong ? Self.breakable(text) : Self.escape(text))</th>"
            : "<td>\(Self.escape(text))</td>"
        }.joined() + "</tr>"
    }
    add(
      lines, label: label, header: header,
      classes: isLong ? "wide long" : "wide")
  }

  /// Adds a table of counts called `label`, with the share that each is of its row as its shade.
  package mutating func matrix(
    _ label: String, header: [String], rows: [(name: String, counts: [Int])]
  ) {
    guard !rows.isEmpty else { return }
    let lines = rows.map { row in
      let total = Double(max(1, row.counts.reduce(0, +)))
      return "<tr><th scope=\"row\">\(Self.escape(row.name))</th>"
        + row.counts.map { count in
          let shade = (60 * Double(count) / total).rounded() / 100
          return
            "<td style=\"background:rgb(59 130 246/\(shade))\">\(ReportText.grouped(count))</td>"
        }.joined() + "</tr>"
    }
    add(lines, label: label, header: header, classes: "wide matrix")
  }

  private mutating func add(_ rows: [String], label: String, header: [String], classes: String) {
    let first =
      "<tr>"
      + header.map { text in
        "<th scope=\"col\">\(Self.escape(text))</th>"
      }.joined() + "</tr>"
    body.append(
      "<div class=\"\(classes)\" role=\"group\" tabindex=\"0\" "
        + "aria-label=\"\(Self.escape(label))\"><table><caption>\(Self.escape(label))</caption>"
        + "<thead>\(first)</thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>")
  }

  /// The length in characters up to which a row's name is not broken to leave room for its numbers.
  private static let shortName = 24

  /// The name of a tensor or group, escaped, which may be broken after its dots.
  private static func breakable(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).map { escape(String($0)) }
      .joined(separator: ".<wbr/>")
  }

  /// Adds a table in a section that can be unfolded by mouse or keyboard.
  package mutating func foldedTable(_ title: String, header: [String], rows: [[String]]) {
    folded(title) { $0.table(title, header: header, rows: rows) }
  }

  /// Adds terminal output.
  package mutating func code(_ text: String) {
    body.append(
      "<pre role=\"group\" aria-label=\"Command line\" tabindex=\"0\"><code>\(Self.escape(text))</code></pre>"
    )
  }

  /// The generator name by which a page is recognised as one of this package.
  package static let generator = "peft \(packageVersion)"

  /// The page as HTML.
  package var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <meta name="generator" content="\(Self.generator)"/>
    <title>\(Self.escape(title))</title>
    <style>
    \(PageStyle.sheet)
    </style>
    </head>
    <body>
    <main>
    \(body.joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  /// `text` escaped for HTML, XML and their attributes. Characters that XML does not allow, or that
  /// change the direction of the surrounding text, become replacement characters.
  package static func escape(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in VisibleText.line(text).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
