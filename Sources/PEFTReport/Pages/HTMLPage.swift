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

  /// Adds a note as a paragraph: with a capital letter and a full stop.
  package mutating func sentence(_ note: String) {
    paragraph(note.prefix(1).uppercased() + note.dropFirst() + ".")
  }

  /// Adds a drawing as SVG markup, which must already be safe. An empty drawing adds nothing.
  ///
  /// `label` names the drawing for readers who reach it by keyboard, to scroll it on a narrow
  /// screen.
  package mutating func figure(_ svg: String, label: String) {
    guard !svg.isEmpty else { return }
    body.append("<figure tabindex=\"0\" aria-label=\"\(Self.escape(label))\">\(svg)</figure>")
  }

  /// Adds names with their values. An empty list adds nothing.
  package mutating func facts(_ facts: [(String, String)]) {
    guard !facts.isEmpty else { return }
    let rows = facts.map {
      "<tr><th scope=\"row\">\(Self.escape($0.0))</th><td>\(Self.escape($0.1))</td></tr>"
    }
    body.append("<table>\(rows.joined(separator: "\n"))</table>")
  }

  /// Adds names with their values in a folded section. An empty list adds nothing.
  package mutating func foldedFacts(_ title: String, _ facts: [(String, String)]) {
    guard !facts.isEmpty else { return }
    body.append("<details><summary>\(Self.escape(title))</summary>")
    self.facts(facts)
    body.append("</details>")
  }

  /// Adds the machine and software of a result, without the command line. If nothing is known, it
  /// adds nothing.
  package mutating func environment(_ facts: [(String, String)]) {
    let known = facts.filter { $0.0 != "command" }
    guard !known.isEmpty else { return }
    heading("Environment")
    self.facts(known)
  }

  /// Adds a table of numbers called `label`. The first cell of each row names the row; the others
  /// are right-aligned. A table without rows adds nothing.
  package mutating func table(_ label: String, header: [String], rows: [[String]]) {
    guard !rows.isEmpty else { return }
    let first =
      "<tr>"
      + header.enumerated().map { column, text in
        "<th scope=\"col\"\(column == 0 ? "" : " class=\"number\"")>\(Self.escape(text))</th>"
      }.joined() + "</tr>"
    let isLong = rows.contains { ($0.first?.count ?? 0) > Self.shortName }
    let others = rows.map { row in
      "<tr>"
        + row.enumerated().map { column, text in
          column == 0
            ? "<th scope=\"row\">\(isLong ? Self.breakable(text) : Self.escape(text))</th>"
            : "<td class=\"number\">\(Self.escape(text))</td>"
        }.joined() + "</tr>"
    }
    let lines = ["<thead>\(first)</thead>"] + others
    body.append(
      "<div class=\"wide\(isLong ? " long" : "")\" role=\"group\" tabindex=\"0\" "
        + "aria-label=\"\(Self.escape(label))\"><table>\(lines.joined(separator: "\n"))</table></div>"
    )
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
    guard !rows.isEmpty else { return }
    body.append("<details><summary>\(Self.escape(title))</summary>")
    table(title, header: header, rows: rows)
    body.append("</details>")
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
    :root { color-scheme: light dark; --page: \(Palette.light.page); --ink: \(Palette.light.ink) }
    @media (prefers-color-scheme: dark) { :root { --page: \(Palette.dark.page);
      --ink: \(Palette.dark.ink) } }
    body { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto;
      padding: 0 1rem }
    h1 { line-height: 1.25 }
    table { border-collapse: collapse; margin: 1rem 0 }
    th, td { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid #8884 }
    td { overflow-wrap: anywhere }
    .number { text-align: right; font-variant-numeric: tabular-nums }
    td.number, .wide th[scope=row] { white-space: nowrap }
    .long { font-size: .875rem }
    .long th[scope=row] { white-space: normal; overflow-wrap: anywhere; font-weight: normal;
      min-width: min(11rem, 40vw) }
    .wide, figure { overflow-x: auto }
    figure { margin: 1rem 0 }
    svg { display: block; width: 100%; min-width: 45rem; height: auto }
    summary { cursor: pointer; margin: 1rem 0 }
    pre { overflow-x: auto; padding: .5rem .75rem; border: 1px solid #8884; border-radius: .25rem }
    @media print { :root { color-scheme: light; --page: #fff; --ink: #000 } body { max-width: none; margin: 0 } figure, tr { break-inside: avoid }
      h2 { break-after: avoid } svg { min-width: 0 } pre { white-space: pre-wrap } }
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
