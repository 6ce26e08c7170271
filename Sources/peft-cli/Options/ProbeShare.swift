/// The value of `--probe-share`: a part of a run's cost.
struct ProbeShare: CustomStringConvertible {
  let value: Double

  var description: String { "\(Int((100 * value).rounded()))%" }

  /// Parses `25%` or `0.25`.
  ///
  /// Throws the reason why the text is neither.
  static func parsed(_ text: String) throws -> ProbeShare {
    let number = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    guard let number, number > 0, number <= 1 else {
      throw InvalidValue("give a part of a run's cost, such as 25%")
    }
    return ProbeShare(value: number)
  }
}
