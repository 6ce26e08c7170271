/// Lowercases each character by Unicode's full mapping, independently of its neighbours.
struct Lowercase: TextNormalizer {
  func normalized(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars { result += scalar.properties.lowercaseMapping }
    return result
  }
}
