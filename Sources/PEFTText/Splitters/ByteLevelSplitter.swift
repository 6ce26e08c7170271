import PEFTRuntime

/// The splitter of byte-level BPE. It splits by GPT-2's pattern, or leaves the text whole if other
/// splitters came before.
struct ByteLevelSplitter: TextSplitter {
  let addsPrefixSpace: Bool
  private let usesPattern: Bool

  init(addsPrefixSpace: Bool, usesPattern: Bool = true) {
    self.addsPrefixSpace = addsPrefixSpace
    self.usesPattern = usesPattern
  }

  init(_ component: Component) throws(FileError) {
    addsPrefixSpace = try component.flag("add_prefix_space", default: true)
    usesPattern = try component.flag("use_regex", default: true)
  }

  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    if addsPrefixSpace, text[0] != UInt8(ascii: " ") {
      let extended = [UInt8(ascii: " ")] + text
      extended.withUnsafeBufferPointer { pass($0, isFirst: isFirst, into: &words) }
    } else {
      pass(text, isFirst: isFirst, into: &words)
    }
  }

  private func pass(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder
  ) {
    guard usesPattern else { return words.take(text, isFirst: isFirst) }
    let matches = ByteLevelWords(text)
    var start = 0
    while start < text.count {
      let end = matches.end(ofWordAt: start)
      words.take(text[part: start..<end], isFirst: isFirst && start == 0)
      start = end
    }
  }

  var isByteLevel: Bool { true }

  var settings: [(name: String, value: Bool)] { [("add_prefix_space", addsPrefixSpace)] }
}
