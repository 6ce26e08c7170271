import PEFTRuntime

/// What a `Replace` looks for: a string, or a run of blanks. There is no engine for regular
/// expressions here; others are refused by name.
enum TextPattern: Hashable, Sendable {
  /// These bytes of UTF-8.
  case string([UInt8])
  /// At least so many of one byte, as many as there are.
  case run(of: UInt8, atLeast: Int)

  /// The member `pattern` of a component: `{"String": …}` or `{"Regex": …}`.
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
  /// The regular expressions that published files have here.
  private static let expressions: [String: TextPattern] = [
    " {2,}": .run(of: space, atLeast: 2), " +": .run(of: space, atLeast: 1),
    " ": .string([space]), "\n": .string([UInt8(ascii: "\n")]),
  ]

  /// The bytes that a match has at least.
  var leastCount: Int {
    switch self {
    case .string(let bytes): bytes.count
    case .run(_, let least): least
    }
  }

  /// The bytes that match at `position`; 0 where the pattern does not match.
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
