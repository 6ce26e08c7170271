import Foundation

/// The values among which a search chooses that of one setting.
public enum SearchRange: Hashable, Sendable {
  /// One of these texts, each equally likely.
  case choices([String])
  /// A number, uniform between two.
  case uniform(ClosedRange<Double>)
  /// A positive number whose logarithm is uniform.
  case logUniform(ClosedRange<Double>)
  /// A whole number, each equally likely.
  case integer(ClosedRange<Int>)
  /// A positive whole number: one whose logarithm is uniform, rounded.
  case logInteger(ClosedRange<Int>)

  /// The number of different values; nil for ranges of numbers that are not whole.
  package var count: Int? {
    switch self {
    case .choices(let texts): texts.count
    case .integer(let range), .logInteger(let range): range.count
    case .uniform, .logUniform: nil
    }
  }

  /// The first and the last value, or all choices.
  public var extremes: [String] {
    switch self {
    case .choices(let texts): texts
    case .integer(let range), .logInteger(let range):
      ["\(range.lowerBound)", "\(range.upperBound)"]
    case .uniform(let range), .logUniform(let range):
      ["\(range.lowerBound)", "\(range.upperBound)"]
    }
  }

  /// The value at a fraction, 0 ..< 1, of the range: for uniform fractions, a value of the range's
  /// own distribution.
  package func value(at fraction: Double) -> String {
    guard let axis else {
      guard case .choices(let texts) = self else { preconditionFailure("a range without an axis") }
      return texts[min(texts.count - 1, Int(fraction * Double(texts.count)))]
    }
    return value(
      atCoordinate: axis.lowerBound + fraction * (axis.upperBound - axis.lowerBound))
  }

  // MARK: - Numbers

  /// The interval of coordinates, on which the range's own distribution is uniform: numbers or
  /// their logarithms. That of whole numbers reaches half a number beyond the first and the last.
  /// Nil for choices.
  package var axis: ClosedRange<Double>? {
    switch self {
    case .choices: nil
    case .uniform(let range): range
    case .logUniform(let range): log(range.lowerBound)...log(range.upperBound)
    case .integer(let range): Double(range.lowerBound) - 0.5...Double(range.upperBound) + 0.5
    case .logInteger(let range):
      log(Double(range.lowerBound) - 0.5)...log(Double(range.upperBound) + 0.5)
    }
  }

  /// The coordinates that become the value with this text: one point, or for a whole number all
  /// that are rounded to it. Nil for a text that is no number.
  func coordinates(of text: String) -> ClosedRange<Double>? {
    guard let number = Double(text) else { return nil }
    switch self {
    case .choices: return nil
    case .uniform: return number...number
    case .logUniform: return log(number)...log(number)
    case .integer: return number - 0.5...number + 0.5
    case .logInteger: return log(number - 0.5)...log(number + 0.5)
    }
  }

  /// The value at a coordinate. Numbers are rounded to what a person would write: to a thousandth
  /// of a range or finer, or to four digits if their logarithm is uniform.
  func value(atCoordinate coordinate: Double) -> String {
    switch self {
    case .choices: preconditionFailure("choices have no coordinates")
    case .uniform(let range):
      let digits = max(0, (3 - log10(range.upperBound - range.lowerBound)).rounded(.up))
      return Self.text(of: Self.rounded(coordinate, decimals: Int(digits)), in: range)
    case .logUniform(let range):
      let number = exp(coordinate)
      let digits = 3 - log10(number).rounded(.down)
      return Self.text(of: Self.rounded(number, decimals: Int(digits)), in: range)
    case .integer(let range): return Self.text(of: coordinate, in: range)
    case .logInteger(let range): return Self.text(of: exp(coordinate), in: range)
    }
  }

  /// A number with so many decimals, of which negative ones are digits before the point.
  private static func rounded(_ number: Double, decimals: Int) -> Double {
    Double(String(format: "%.*e", max(0, decimals + exponent(of: number)), number)) ?? number
  }

  private static func exponent(of number: Double) -> Int {
    number == 0 ? 0 : Int(log10(abs(number)).rounded(.down))
  }

  private static func text(of number: Double, in range: ClosedRange<Double>) -> String {
    "\(min(max(number, range.lowerBound), range.upperBound))"
  }

  private static func text(of number: Double, in range: ClosedRange<Int>) -> String {
    let whole = Int(exactly: number.rounded()) ?? range.upperBound
    return "\(min(max(whole, range.lowerBound), range.upperBound))"
  }
}
