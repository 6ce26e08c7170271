import Foundation

/// Formats numbers and names for reports, in terminals and on pages.
package enum ReportText {
  /// A metric with four decimal places; a large integer, such as a count, without any.
  package static func metric(_ value: Double) -> String {
    value == value.rounded() && abs(value) >= 1000 && abs(value) < 1e15
      ? grouped(Int(value)) : String(format: "%.4f", value)
  }

  /// The digits of the integer part of `value`. A number that is not finite or does not fit 64 bits
  /// is formatted with `%g`.
  package static func whole(_ value: Double) -> String {
    Int(exactly: value.rounded(.towardZero)).map(String.init) ?? String(format: "%g", value)
  }

  /// `text` in at most `width` characters; the middle of a longer text is left out.
  package static func fitted(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    guard width > 2 else { return String(text.prefix(max(0, width))) }
    let tail = (width - 1) * 2 / 3
    return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
  }

  /// The digits of `count` in groups of three.
  package static func grouped(_ count: Int) -> String {
    var digits = Substring(String(count.magnitude))
    var parts: [Substring] = []
    while !digits.isEmpty {
      parts.append(digits.suffix(3))
      digits = digits.dropLast(3)
    }
    return (count < 0 ? "-" : "") + parts.reversed().joined(separator: ",")
  }

  /// `count` in at most five characters: `950`, `12k`, `1.2M`.
  package static func short(_ count: Double) -> String {
    let units: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
    for (size, letter) in units where count >= size * 0.9995 {
      let scaled = count / size
      return String(format: scaled < 9.95 ? "%.1f" : "%.0f", scaled)
        .replacing(".0", with: "") + letter
    }
    return String(format: count < 9.95 && count != count.rounded() ? "%.1f" : "%.0f", count)
  }

  /// A size in bytes, with one digit after the point below ten, `950 B`, `58 kB`, `1.4 MB`.
  package static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(count), 0)
    while value >= 999.5, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return String(format: unit > 0 && value < 9.95 ? "%.1f" : "%.0f", value) + " " + units[unit]
  }

  /// A time, as in `18 s`, `4.5 min` or `3.2 h`.
  package static func duration(_ seconds: Double) -> String {
    func text(_ value: Double, _ unit: String) -> String {
      String(format: value < 9.95 ? "%.1f" : "%.0f", value) + " " + unit
    }
    if seconds < 99.5 { return text(seconds, "s") }
    return seconds < 5970 ? text(seconds / 60, "min") : text(seconds / 3600, "h")
  }

  /// `part` as a percentage of `whole` with three digits, `0.183 %`.
  package static func percent(_ part: Double, of whole: Double) -> String {
    let share = 100 * part / whole
    return share >= 99.95 ? String(format: "%.0f %%", share) : String(format: "%.3g %%", share)
  }

  /// A number of any size with two digits after the first, `1.23e-07`; 0 is `0`.
  package static func scientific(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.2e", value)
  }

  /// A value and its standard error, with two digits for the error: `1.23e-07 ± 1.1e-08`.
  package static func measured(_ value: Double, error: Double) -> String {
    guard !error.isNaN else { return scientific(value) }
    return scientific(value) + " ± " + (error.isFinite ? String(format: "%.1e", error) : "∞")
  }
}
