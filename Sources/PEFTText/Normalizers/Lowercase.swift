/// Lower case by Unicode's full mapping of each character, whatever stands beside it.
struct Lowercase: TextNormalizer {
  func normalized(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars { result += scalar.properties.lowercaseMapping }
    return result
  }
}
