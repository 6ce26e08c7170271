import Foundation

/// The value of `--probe-share`: a share of a run's cost.
struct ProbeShare: CustomStringConvertible {
  let value: Double

  var description: String { String(format: "%.6g%%", 100 * value) }

  /// Parses `25%`, `25 %` or `0.25`.
  ///
  /// Throws the reason why the text is none of these.
  static func parsed(_ text: String) throws -> ProbeShare {
    let digits = text.dropLast(text.hasSuffix(" %") ? 2 : 1)
    let number = text.hasSuffix("%") ? Double(digits).map { $0 / 100 } : Double(text)
    guard let number, number > 0, number <= 1 else {
      throw InvalidValue(
        "give a share of the run's cost above 0% and up to 100%, such as 25% or 0.25")
    }
    return ProbeShare(value: number)
  }
}
