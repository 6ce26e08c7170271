import PEFTRuntime

/// The pattern of a `Replace`: a string, or a run of one byte. There is no regular-expression
/// engine here; unknown expressions are rejected by name.
enum TextPattern: Hashable, Sendable {
  /// These UTF-8 bytes.
  case string([UInt8])
  /// A run of one byte with at least the given length, matched as far as it extends.
  case run(of: UInt8, atLeast: Int)

  /// Reads the member `pattern` of a component: `{"String": …}` or `{"Regex": …}`.
  init(_ component: Component) throws(FileError) {
    let pattern = component.value["pattern"]
    if let string = pattern?["String"]?.string, !string.isEmpty {
      self = .string(Array(string.utf8))
    } else if let regex = pattern?["Regex"]?.string, let known = Self.expressions[regex] {
      self = known
    } else {
      throw component.unsupported("the pattern \(pattern?.text() ?? "none")")
    }
  }

  private static let space = UInt8(ascii: " ")
  /// The regular expressions that occur in published files.
  private static let expressions: [String: TextPattern] = [
    " {2,}": .run(of: space, atLeast: 2), " +": .run(of: space, atLeast: 1),
    " ": .string([space]), "\n": .string([UInt8(ascii: "\n")]),
  ]

  /// The minimum number of bytes in a match.
  var leastCount: Int {
    switch self {
    case .string(let bytes): bytes.count
    case .run(_, let least): least
    }
  }

  /// The number of bytes that match at `position`; 0 if the pattern does not match.
  func count(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
    switch self {
    case .string(let bytes):
      guard position + bytes.count <= text.count else { return 0 }
      for (offset, byte) in bytes.enumerated() where text[position + offset] != byte { return 0 }
      return bytes.count
    case .run(let byte, let least):
      var end = position
      while end < text.count, text[end] == byte { end += 1 }
      return end - position >= least ? end - position : 0
    }
  }
}
