import PEFTRuntime

/// Separates numbers from the surrounding text, as runs or digit by digit.
struct DigitSplitter: TextSplitter {
  private let isIndividual: Bool

  init(_ component: Component) throws(FileError) {
    isIndividual = try component.flag("individual_digits", default: false)
  }

  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    var start = 0
    var position = 0
    var isNumber = false
    while position < text.count {
      let (scalar, next) = text.scalar(at: position)
      let isDigit = UnicodeClasses.kind(scalar) == .number
      if position > start, isDigit != isNumber || isDigit && isIndividual {
        words.take(text[part: start..<position], isFirst: isFirst && start == 0)
        start = position
      }
      isNumber = isDigit
      position = next
    }
    if position > start { words.take(text[part: start..<position], isFirst: isFirst && start == 0) }
  }
}
