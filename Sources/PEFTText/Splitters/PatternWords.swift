/// The matches of `PatternSplitter`'s pattern, one after another.
struct PatternWords {
  private let text: UnsafeBufferPointer<UInt8>
  private let digits: Int

  /// `text` must be valid UTF-8.
  init(_ text: UnsafeBufferPointer<UInt8>, digits: Int) {
    self.text = text
    self.digits = digits
  }

  /// The end of the word that begins at `start`, which must lie before the end of the text.
  func end(ofWordAt start: Int) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contraction(at: start) { return end }
    let (kind, next) = character(at: start)
    switch kind {
    case .letter: return run(from: next) { $0 == .letter }
    case .number: return numbers(from: next)
    case .space, .other: break
    }
    // One character of any kind except a line end may precede letters.
    if !isLineEnd(start), next < text.count, character(at: next).kind == .letter {
      return run(from: next) { $0 == .letter }
    }
    let marks = text[start] == UInt8(ascii: " ") ? next : start
    if marks < text.count, character(at: marks).kind == .other {
      return lineEnds(from: run(from: marks) { $0 == .other })
    }
    return whitespace(from: start)
  }

  /// The end of the white space at `start`. It extends to the last line end in it. Without a line
  /// end, it stops before the last white-space character, or at the end of the text includes all.
  private func whitespace(from start: Int) -> Int {
    var end = start
    var last = start
    var lineEnd: Int?
    while end < text.count {
      let (kind, next) = character(at: end)
      guard kind == .space else { break }
      if isLineEnd(end) { lineEnd = next }
      last = end
      end = next
    }
    if let lineEnd { return lineEnd }
    return end == text.count || last == start ? end : last
  }

  private func numbers(from second: Int) -> Int {
    var end = second
    var count = 1
    while count < digits, end < text.count {
      let (kind, next) = character(at: end)
      guard kind == .number else { break }
      end = next
      count += 1
    }
    return end
  }

  private func run(from start: Int, while isPart: (UnicodeClasses.Kind) -> Bool) -> Int {
    var end = start
    while end < text.count {
      let (kind, next) = character(at: end)
      guard isPart(kind) else { break }
      end = next
    }
    return end
  }

  private func lineEnds(from start: Int) -> Int {
    var end = start
    while end < text.count, isLineEnd(end) { end += 1 }
    return end
  }

  private func isLineEnd(_ position: Int) -> Bool {
    text[position] == UInt8(ascii: "\n") || text[position] == UInt8(ascii: "\r")
  }

  /// The end of `'s` and similar contractions, in either case. Ignoring case, U+017F is an s.
  private func contraction(at start: Int) -> Int? {
    guard start + 1 < text.count else { return nil }
    let (first, next) = text.scalar(at: start + 1)
    switch lowercase(first) {
    case "s", "t", "m", "d": return next
    case "r", "v": return ending("e", at: next)
    case "l": return ending("l", at: next)
    default: return nil
    }
  }

  private func ending(_ letter: Unicode.Scalar, at position: Int) -> Int? {
    guard position < text.count else { return nil }
    let (scalar, next) = text.scalar(at: position)
    return lowercase(scalar) == letter ? next : nil
  }

  private func lowercase(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0x41...0x5A: Unicode.Scalar(UInt8(scalar.value + 0x20))
    case 0x17F: "s"
    default: scalar
    }
  }

  private func character(at position: Int) -> (kind: UnicodeClasses.Kind, next: Int) {
    let (scalar, next) = text.scalar(at: position)
    return (UnicodeClasses.kind(scalar), next)
  }
}
