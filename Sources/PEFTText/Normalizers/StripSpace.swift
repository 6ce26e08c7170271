import PEFTRuntime

/// Drops white space at the ends of a text.
struct StripSpace: TextNormalizer {
  private let atStart: Bool
  private let atEnd: Bool

  init(_ component: Component) throws(FileError) {
    atStart = try component.flag("strip_left", default: true)
    atEnd = try component.flag("strip_right", default: true)
  }

  /// Creates the normalizer that corresponds to SentencePiece's `remove_extra_whitespaces`.
  init(atStart: Bool, atEnd: Bool) {
    self.atStart = atStart
    self.atEnd = atEnd
  }

  func normalized(_ text: String) -> String {
    var scalars = text.unicodeScalars[...]
    if atStart { scalars = scalars.drop { $0.properties.isWhitespace } }
    while atEnd, scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }
}
