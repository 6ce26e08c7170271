import Foundation
import PEFTRuntime

/// BERT's normalizer: drops control characters, separates ideographs, strips accents and
/// lowercases.
struct BERTNormalizer: TextNormalizer {
  var cleansText = true
  var separatesIdeographs = true
  var stripsAccents = true
  var lowercases = true

  init() {}

  init(_ component: Component) throws(FileError) {
    cleansText = try component.flag("clean_text", default: true)
    separatesIdeographs = try component.flag("handle_chinese_chars", default: true)
    lowercases = try component.flag("lowercase", default: true)
    stripsAccents = try component.flag("strip_accents", default: lowercases)
  }

  var settings: [(name: String, value: Bool)] {
    [
      ("do_lower_case", lowercases), ("strip_accents", stripsAccents),
      ("tokenize_chinese_chars", separatesIdeographs),
    ]
  }

  func normalized(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return ascii(text) }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if cleansText {
        if UnicodeClasses.isDroppedByBERT(scalar) { continue }
        if scalar.properties.isWhitespace {
          scalars.append(" ")
          continue
        }
      }
      if separatesIdeographs, UnicodeClasses.isIdeograph(scalar) {
        // Scalars are appended one by one, because append(contentsOf:) grows the text by exactly
        // what it needs and so copies all of it each time.
        scalars.append(" ")
        scalars.append(scalar)
        scalars.append(" ")
      } else {
        scalars.append(scalar)
      }
    }
    if stripsAccents {
      let decomposed = String(CombiningMarks.ordered(scalars)).decomposedStringWithCanonicalMapping
      scalars = String.UnicodeScalarView(
        decomposed.unicodeScalars.lazy.filter { !UnicodeClasses.isAccent($0) })
    }
    guard lowercases else { return String(scalars) }
    var result = ""
    for scalar in scalars { result += scalar.properties.lowercaseMapping }
    return result
  }

  private func ascii(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case 0x09, 0x0A, 0x0D: bytes.append(cleansText ? 0x20 : byte)
      case 0..<0x20, 0x7F: if !cleansText { bytes.append(byte) }
      case 0x41...0x5A: bytes.append(lowercases ? byte + 0x20 : byte)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
