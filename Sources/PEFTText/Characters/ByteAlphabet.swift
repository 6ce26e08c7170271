/// The printable characters that represent bytes in the vocabulary files of byte-level BPE.
///
/// Printable Latin-1 characters represent themselves; the other bytes are mapped in order to U+0100
/// and up.
enum ByteAlphabet {
  /// The character of each byte.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  private static let bytes = Dictionary(
    uniqueKeysWithValues: zip(characters, UInt8.min...UInt8.max))

  /// The token for a single byte.
  static func token(of byte: UInt8) -> String { String(Character(characters[Int(byte)])) }

  /// The bytes that a token represents. A character outside the alphabet, as in special tokens,
  /// represents itself.
  static func decode(_ token: String) -> [UInt8] {
    token.unicodeScalars.flatMap { scalar in
      bytes[scalar].map { [$0] } ?? Array(String(Character(scalar)).utf8)
    }
  }
}
