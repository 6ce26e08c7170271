/// Drops combining marks. A letter loses its accent only if NFD or NFKD has decomposed it before.
struct StripAccents: TextNormalizer {
  func normalized(_ text: String) -> String {
    var kept = String.UnicodeScalarView()
    for scalar in text.unicodeScalars where !UnicodeClasses.isMark(scalar) { kept.append(scalar) }
    return String(kept)
  }
}
