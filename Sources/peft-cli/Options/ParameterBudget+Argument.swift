import Foundation
import PEFTStudy

extension ParameterBudget {
  /// The budget that an option gives, for the parser.
  ///
  /// Throws the reason why it is none.
  static func parsed(_ text: String) throws -> ParameterBudget {
    if let budget = ParameterBudget(text) { return budget }
    guard let number = Double(text), number > 0, number.isFinite else {
      throw InvalidValue(
        "give a positive number of parameters, such as 5000, or a share of them, such as 0.5%; add "
          + "+head for a limit that does not count the head")
    }
    throw InvalidValue(
      "a number of parameters is whole, and a share ends in %: write \(text)% for \(text) per cent"
        + (number < 1
          ? String(format: ", or %g%% for the fraction %@", 100 * number, text) : ""))
  }
}

/// The reason why the value of an option is refused.
struct InvalidValue: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
