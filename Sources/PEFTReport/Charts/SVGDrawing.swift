import Foundation

/// A drawing as self-contained SVG: no script, no style sheet, and only the reader's own fonts.
///
/// Elements without a colour of their own take the reader's text colour, so that they are readable
/// on light and dark backgrounds. All text is escaped here.
struct SVGDrawing {
  /// The main hue of data, readable on light and dark pages.
  static let accent = Palette.accent
  /// The width of a drawing on a wide page.
  static let wide = PageStyle.wideDrawing
  /// The font size.
  static let fontSize = 12.0

  private let size: (width: Double, height: Double)
  private let label: String
  private var elements: [String] = []

  /// Whether elements have tooltips, which nobody can see on a phone.
  var hasTooltips: Bool { size.width >= Self.wide }

  /// An empty drawing of this size; `label` describes it to readers who cannot see it.
  init(width: Double, height: Double, label: String) {
    size = (width, height)
    self.label = label
  }

  /// Adds an element whose markup is already safe.
  mutating func add(_ element: String) { elements.append(element) }

  /// The alignment of a line of text.
  enum Anchor: String {
    case start, middle, end
  }

  /// Adds a line of text with its baseline at `y`; `halo` keeps it readable over lines.
  mutating func text(
    _ text: String, x: Double, y: Double, anchor: Anchor = .start, isBold: Bool = false,
    opacity: Double = 1, halo: Bool = false, size: Double? = nil
  ) {
    var attributes = "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
    if anchor != .start { attributes += " text-anchor=\"\(anchor.rawValue)\"" }
    if isBold { attributes += " font-weight=\"bold\"" }
    if opacity < 1 { attributes += " opacity=\"\(Self.number(opacity))\"" }
    if let size { attributes += " font-size=\"\(Self.number(size))\"" }
    if halo {
      attributes +=
        " style=\"paint-order:stroke;stroke:var(--page,Canvas);stroke-width:4px;stroke-linejoin:round\""
    }
    elements.append("<text \(attributes)>\(HTMLPage.escape(text))</text>")
  }

  /// Adds a rectangle with a tooltip; `attributes` is safe markup.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, attributes: String, title: String? = nil
  ) {
    let place =
      "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
      + "height=\"\(Self.number(height))\" \(attributes)"
    guard let title, hasTooltips else {
      elements.append("<rect \(place)/>")
      return
    }
    elements.append("<rect \(place)><title>\(HTMLPage.escape(title))</title></rect>")
  }

  /// Adds a dot; `attributes` is safe markup.
  mutating func dot(
    x: Double, y: Double, radius: Double, attributes: String, title: String? = nil
  ) {
    let place =
      "cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\" \(attributes)"
    let inside = (hasTooltips ? title : nil).map { "<title>\(HTMLPage.escape($0))</title>" } ?? ""
    elements.append("<circle \(place)>\(inside)</circle>")
  }

  /// Adds a straight line.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), opacity: Double = 1,
    width: Double = 1, colour: String = "currentColor"
  ) {
    elements.append(
      "<path d=\"M\(Self.number(start.x)),\(Self.number(start.y))"
        + "L\(Self.number(end.x)),\(Self.number(end.y))\" stroke=\"\(colour)\" "
        + "stroke-width=\"\(Self.number(width))\" opacity=\"\(Self.number(opacity))\"/>")
  }

  /// The drawing as SVG.
  var markup: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(size.width)) \
    \(Self.number(size.height))" role="img" aria-label="\(HTMLPage.escape(label))" \
    font-family="system-ui, sans-serif" font-size="\(Self.number(Self.fontSize))" \
    fill="currentColor" style="color-scheme:light dark"><title>\(HTMLPage.escape(label))</title>
    \(elements.joined(separator: "\n"))
    </svg>
    """
  }

  /// `value` with at most two decimals.
  static func number(_ value: Double) -> String {
    let text = String(format: "%.2f", value)
    guard text.contains(".") else { return text }
    let shortened = text.reversed().drop { $0 == "0" }
    return String(String(shortened.first == "." ? shortened.dropFirst() : shortened).reversed())
  }

  /// The approximate width of `text`.
  static func width(of text: String, isBold: Bool = false) -> Double {
    Double(text.count) * fontSize * (isBold ? 0.6 : 0.55)
  }
}
