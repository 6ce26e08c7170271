import Foundation

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
    /// Text of less importance.
    package let muted: String
    /// The background of cards.
    package let surface: String
    /// Lines between rows and around cards.
    package let line: String
  }

  /// The colours in light mode.
  package static let light = Scheme(
    page: "#ffffff", ink: "#1a1d23", muted: "#5a6170", surface: "#f5f6f8", line: "#e2e5ea")
  /// The colours in dark mode.
  package static let dark = Scheme(
    page: "#121418", ink: "#eef0f3", muted: "#a3abb8", surface: "#1b1e24", line: "#31363f")
  /// The main hue of data.
  package static let accent = "#3b82f6"
  /// The hue of negative values.
  package static let negative = "#d97706"
  /// The hues of the lines in a chart, in order.
  package static let lines = [
    accent, negative, "#059669", "#dc2626", "#8b5cf6", "#0891b2", "#db2777",
  ]

  /// The hue of data of which nothing is certain.
  static let grey = "#868b94"

  /// The main hue, faded to grey as `certainty` falls from 1 to 0.
  static func faded(to certainty: Double) -> String {
    func parts(_ colour: String) -> [Int] {
      let digits = Array(colour.dropFirst())
      return stride(from: 0, to: digits.count, by: 2).map {
        Int(String(digits[$0...($0 + 1)]), radix: 16) ?? 0
      }
    }
    let mixed = zip(parts(grey), parts(accent)).map { from, to in
      String(format: "%02x", from + Int((certainty * Double(to - from)).rounded()))
    }
    return "#" + mixed.joined()
  }

  /// The opacity of a cell's hue at `intensity` from 0 to 1: from faint to full.
  package static func opacity(at intensity: Double) -> Double { 0.1 + 0.9 * intensity }
}
