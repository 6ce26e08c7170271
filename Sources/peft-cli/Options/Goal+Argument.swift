import PEFTStudy

extension Goal {
  /// The goal that an option gives, for the parser.
  ///
  /// Throws what to write in place of anything else.
  static func parsed(_ text: String) throws -> Goal {
    do {
      return try Goal(text)
    } catch {
      throw InvalidValue(error.description)
    }
  }
}
