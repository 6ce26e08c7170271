import PEFTModels

extension ReselectionInterval {
  /// The interval that an option gives, for the parser.
  ///
  /// Throws the reason why it is none.
  static func parsed(_ text: String) throws -> ReselectionInterval {
    if let interval = ReselectionInterval(text) { return interval }
    throw InvalidValue(
      "give a number of steps, such as 100, or a share of the run up to 50%, such as 25%")
  }
}
