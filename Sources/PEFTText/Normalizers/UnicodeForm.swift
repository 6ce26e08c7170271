import Foundation

/// The four Unicode normalization forms (UAX #15), with the tables of Unicode 9.
///
/// The reference does not know later characters and leaves them unchanged. Each of them separates
/// the text before it from the text after it.
enum UnicodeForm: TextNormalizer {
  case nfc
  case nfd
  case nfkc
  case nfkd

  func normalized(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    var result = ""
    var piece = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if UnicodeClasses.isInUnicode9(scalar) {
        piece.append(scalar)
      } else {
        result += mapped(piece)
        result.unicodeScalars.append(scalar)
        piece = String.UnicodeScalarView()
      }
    }
    return result + mapped(piece)
  }

  private func mapped(_ scalars: String.UnicodeScalarView) -> String {
    let text = String(CombiningMarks.ordered(scalars))
    return switch self {
    case .nfc: text.precomposedStringWithCanonicalMapping
    case .nfd: text.decomposedStringWithCanonicalMapping
    case .nfkc: text.precomposedStringWithCompatibilityMapping
    case .nfkd: text.decomposedStringWithCompatibilityMapping
    }
  }
}
