/// The colours of pages and drawings, suitable for both light and dark pages.
///
/// Text has a contrast of at least 4.5:1 against its page, and other content at least 3:1
/// (WCAG 2.1, 1.4.3 and 1.4.11). Only grid lines, which are decoration, have less.
package enum Palette {
  /// The colours of a page and its text.
  package struct Scheme: Sendable {
    /// The background of the page.
    package let page: String
    /// The colour of text, and of elements without a colour of their own.
    package let ink: String
  }

  /// The colours in light mode.
  package static let light = Scheme(page: "#ffffff", ink: "#161616")
  /// The colours in dark mode.
  package static let dark = Scheme(page: "#121212", ink: "#f4f4f4")
  /// The main hue of data.
  package static let accent = "#3b82f6"
  /// The hue of negative values.
  package static let negative = "#d97706"
  /// The hues of the lines in a chart, in order.
  package static let lines = [
    accent, negative, "#059669", "#dc2626", "#8b5cf6", "#0891b2", "#db2777",
  ]

  /// The opacity of a cell's hue at `intensity` from 0 to 1: from faint to full.
  package static func opacity(at intensity: Double) -> Double { 0.1 + 0.9 * intensity }
}
