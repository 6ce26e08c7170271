/// The character classes that tokenizers use, in the Unicode versions of the reference
/// implementations. Ids must not change when a newer standard library knows more characters.
enum UnicodeClasses {
  /// The classes that byte-level BPE distinguishes, from the tables of Unicode 16.
  enum Kind {
    case letter
    case number
    case space
    case other
  }

  static func kind(_ scalar: Unicode.Scalar) -> Kind {
    let properties = scalar.properties
    if properties.isWhitespace { return .space }
    guard let age = properties.age, age.major <= 16 else { return .other }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      return .number
    default:
      return .other
    }
  }

  /// Whether BERT's cleaning drops the character: NUL, the replacement character, and any control,
  /// format or private-use character of Unicode 8 except tab and line ends.
  static func isDroppedByBERT(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D: return false
    case 0, 0xFFFD: return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .privateUse: return true
    case .format: return isInUnicode8(scalar)
    default: return false
    }
  }

  /// Whether the character is a non-spacing mark in the tables of Unicode 8.
  static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1734, 0x1171E: true
    case 0x1885, 0x1886, 0xA9BD, 0x111C9: false
    default: scalar.properties.generalCategory == .nonspacingMark && isInUnicode8(scalar)
    }
  }

  /// Whether the character is a combining mark of any kind in the tables of Unicode 9.
  static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1CF2, 0x1CF3: return true
    case 0x111C9: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark:
      return isInUnicode9(scalar)
    default: return false
    }
  }

  static func isInUnicode9(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x80 || scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  /// Whether the regular expression `\w` matches the character: letters, marks, decimal digits,
  /// connectors and joiners.
  static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation: return true
    default: return properties.isAlphabetic || properties.isJoinControl || isAnyMark(properties)
    }
  }

  private static func isAnyMark(_ properties: Unicode.Scalar.Properties) -> Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }

  /// Whether the character is ASCII punctuation or an ASCII symbol, or punctuation in the tables of
  /// Unicode 8.
  static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E, 0x166D, 0x111C9: return true
    case 0..<0x80: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return isInUnicode8(scalar)
    default: return false
    }
  }

  /// Whether the character is in one of the blocks that BERT separates character by character.
  static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F,
      0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  private static func isInUnicode8(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 8 } ?? false
  }
}
