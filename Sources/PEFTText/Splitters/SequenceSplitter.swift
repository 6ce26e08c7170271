import PEFTRuntime

/// Several splitters, each applied to the words of the one before it.
struct SequenceSplitter: TextSplitter {
  private let parts: [any TextSplitter]

  /// Splits by all of `parts` in order; only the last may pass on bytes.
  init(_ parts: [any TextSplitter]) { self.parts = parts }

  init(_ component: Component) throws(FileError) {
    parts = try component.parts("pretokenizers", by: component.table.splitters)
    // Words are passed on as characters, so nothing can follow the conversion to bytes.
    guard !parts.dropLast().contains(where: \.isByteLevel) else {
      throw component.unsupported("a splitter behind \"ByteLevel\"")
    }
  }

  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    words.split(text, isFirst: isFirst, by: parts)
  }

  var isByteLevel: Bool { parts.last?.isByteLevel ?? false }

  var settings: [(name: String, value: Bool)] { parts.flatMap(\.settings) }
}
