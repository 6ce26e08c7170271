/// The colours of pages and drawings: what is drawn on light and on dark pages alike.
///
/// Text has a contrast of 4.5:1 against its page at least, and what is drawn without text 3:1 (WCAG
/// 2.1, 1.4.3 and 1.4.11); only grid lines, which are decoration, have less.
package enum Palette {
  /// A page and what is written on it.
  package struct Scheme: Sendable {
    /// The page.
    package let page: String
    /// Text, and what is drawn without a colour of its own.
    package let ink: String
  }

  /// For those who like light pages.
  package static let light = Scheme(page: "#ffffff", ink: "#161616")
  /// For those who like dark ones.
  package static let dark = Scheme(page: "#121212", ink: "#f4f4f4")
  /// The one hue of data.
  package static let accent = "#3b82f6"
  /// The hue of negative values.
  package static let negative = "#d97706"
  /// The hues of lines in a chart, in their order.
  package static let lines = [
    accent, negative, "#059669", "#dc2626", "#8b5cf6", "#0891b2", "#db2777",
  ]

  /// How much of a hue a cell shows at `intensity`, 0 to 1: from a trace to all of it.
  package static func opacity(at intensity: Double) -> Double { 0.1 + 0.9 * intensity }
}
