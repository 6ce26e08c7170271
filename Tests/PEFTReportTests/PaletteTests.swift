import Foundation
import PEFTReport
import Testing

@Suite("Contrast of pages")
struct PaletteTests {
  /// Red, green and blue from 0 to 1.
  typealias Colour = [Double]

  private static func colour(_ text: String) throws -> Colour {
    let digits = Array(text.dropFirst())
    try #require(text.hasPrefix("#") && digits.count == 6, "\(text)")
    return try stride(from: 0, to: 6, by: 2).map { start in
      Double(try #require(Int(String(digits[start..<(start + 2)]), radix: 16))) / 255
    }
  }

  /// The colour of `front` drawn over `back`.
  private static func blend(_ front: Colour, _ opacity: Double, over back: Colour) -> Colour {
    zip(front, back).map { opacity * $0 + (1 - opacity) * $1 }
  }

  /// The relative luminance of WCAG 2.1.
  private static func luminance(_ colour: Colour) -> Double {
    let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }

  /// The contrast ratio of WCAG 2.1, from 1 to 21.
  private static func contrast(_ one: Colour, _ other: Colour) -> Double {
    let (less, more) = (
      min(luminance(one), luminance(other)), max(luminance(one), luminance(other))
    )
    return (more + 0.05) / (less + 0.05)
  }

  private static let schemes = [Palette.light, Palette.dark]

  /// The colour with which an element is drawn; `currentColor` is the ink.
  private static func drawn(
    _ element: MarkupReader.Element, _ key: String, _ scheme: Palette.Scheme
  ) throws -> Colour? {
    guard let value = element.attributes[key], value != "none" else { return nil }
    let opacity = ["opacity", "\(key)-opacity"].reduce(1.0) {
      $0 * (element.attributes[$1].flatMap(Double.init) ?? 1)
    }
    return blend(
      try colour(value == "currentColor" ? scheme.ink : value), opacity,
      over: try colour(scheme.page))
  }

  @Test("black on white has contrast 21, and a colour on itself 1")
  func formula() throws {
    #expect(abs(Self.contrast(try Self.colour("#000000"), try Self.colour("#ffffff")) - 21) < 1e-9)
    #expect(Self.contrast(try Self.colour("#3b82f6"), try Self.colour("#3b82f6")) == 1)
    // The lightest grey that WCAG allows for text on white.
    let grey = Self.contrast(try Self.colour("#767676"), try Self.colour("#ffffff"))
    #expect(abs(grey - 4.54) < 0.005)
  }

  @Test("every hue of data contrasts with both pages")
  func hues() throws {
    for scheme in Self.schemes {
      let page = try Self.colour(scheme.page)
      #expect(Self.contrast(try Self.colour(scheme.ink), page) >= 7)
      for hue in Palette.lines + [Palette.accent, Palette.negative] {
        #expect(Self.contrast(try Self.colour(hue), page) >= 3, "\(hue) on \(scheme.page)")
      }
    }
    #expect(Set(Palette.lines).count == Palette.lines.count)
  }

  @Test("contrast rises along the scale, and the mark of a selected cell always contrasts")
  func scale() throws {
    for scheme in Self.schemes {
      let (page, ink) = (try Self.colour(scheme.page), try Self.colour(scheme.ink))
      for hue in [Palette.accent, Palette.negative] {
        var last = 1.0
        for step in 0...100 {
          let opacity = Palette.opacity(at: Double(step) / 100)
          let cell = Self.blend(try Self.colour(hue), opacity, over: page)
          let contrast = Self.contrast(cell, page)
          #expect(contrast > last, "\(hue) at \(step) of \(scheme.page)")
          last = contrast
          if hue == Palette.accent {
            #expect(Self.contrast(ink, cell) >= 3, "outline at \(step) of \(scheme.page)")
          }
        }
      }
      // The mark of an uncertain cell, on its own background and on the page.
      let ground = Self.blend(ink, 0.04, over: page)
      #expect(Self.contrast(Self.blend(ink, 0.8, over: ground), ground) >= 4.5)
    }
  }

  @Test("every element of a page's drawings is readable, in light and dark mode")
  func drawings() throws {
    var report = ReportExample().report(budget: 200_000)
    report.curves = CurveChart(
      lines: (0..<9).map { line in
        CurveChart.Line("run \(line)", (1...9).map { ($0, Double($0 * line)) }, isOurs: line == 0)
      }, valueName: "loss")
    report.interactions = InteractionMap(
      [4, -1, 0, -1, 1, 0, 0, 0, 0], names: ["a", "b", "c"], indices: [1, 0, 2])
    let drawings = [
      report.heatMap.svg, report.frontier.svg, report.comparison?.svg ?? "",
      report.curves?.svg ?? "", report.interactions?.svg ?? "",
    ]
    for scheme in Self.schemes {
      let page = try Self.colour(scheme.page)
      var (texts, lines) = (0, 0)
      for element in drawings.flatMap({ MarkupReader($0).elements }) {
        switch element.name {
        case "text":
          let opacity = element.attributes["opacity"].flatMap(Double.init) ?? 1
          let ink = Self.blend(try Self.colour(scheme.ink), opacity, over: page)
          #expect(Self.contrast(ink, page) >= 4.5, "\(element)")
          #expect((element.attributes["font-size"].flatMap(Double.init) ?? 12) >= 11, "\(element)")
          texts += 1
        case "path", "polyline", "circle":
          let isGrid = element.name == "path" && element.attributes["opacity"] == "0.15"
          for key in ["stroke", "fill"] where !isGrid {
            guard let colour = try Self.drawn(element, key, scheme) else { continue }
            #expect(Self.contrast(colour, page) >= 3, "\(element)")
            lines += 1
          }
        case "rect":
          // The cell of a small value may be very pale; its outline or the table shows the value.
          if let stroke = try Self.drawn(element, "stroke", scheme) {
            #expect(Self.contrast(stroke, page) >= 3, "\(element)")
          }
        default: break
        }
      }
      #expect(texts > 100 && lines > 30, "\(texts) texts, \(lines) lines")
    }
  }
}
