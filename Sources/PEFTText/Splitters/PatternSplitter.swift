import PEFTRuntime

/// The splitter for the patterns that Llama 3 and Qwen use before byte-level BPE.
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
///
/// In Qwen's pattern, each digit is a word. The matches cover the text without gaps. There is no
/// regular-expression engine here; other patterns are rejected by name.
struct PatternSplitter: TextSplitter {
  private let digits: Int

  /// The splitter with Qwen's pattern.
  static let qwen = PatternSplitter(digits: 1)

  private init(digits: Int) { self.digits = digits }

  init(_ component: Component) throws(FileError) {
    let regex = component.value["pattern"]?["Regex"]?.string
    guard let digits = regex.flatMap({ Self.digits[$0] }),
      component.value["behavior"] == .string("Isolated"),
      try !component.flag("invert", default: false)
    else { throw component.unsupported("the pattern \(component.value.text())") }
    self.digits = digits
  }

  /// The maximum number of digits in a word for each pattern.
  private static let digits: [String: Int] = [pattern(#"\p{N}{1,3}"#): 3, pattern(#"\p{N}"#): 1]

  private static func pattern(_ numbers: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    let matches = PatternWords(text, digits: digits)
    var start = 0
    while start < text.count {
      let end = matches.end(ofWordAt: start)
      words.take(text[part: start..<end], isFirst: isFirst && start == 0)
      start = end
    }
  }
}
