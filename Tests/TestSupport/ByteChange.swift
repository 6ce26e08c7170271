/// A change to the bytes of a file, as a failing disk, a careless editor or an attacker could make
/// it. The same generator makes the same changes.
public struct ByteChange: CustomStringConvertible {
  /// What was changed.
  public let description: String
  /// The bytes after the change.
  public let bytes: [UInt8]

  /// Changes `bytes`.
  public init(of bytes: [UInt8], using random: inout SeededRandom) {
    var change = Change(bytes: bytes)
    let kind = Kind.allCases.randomElement(using: &random) ?? .flip
    var repeats = kind == .flip || kind == .number ? Int.random(in: 1...3, using: &random) : 1
    repeat {
      change.apply(kind, using: &random)
      repeats -= 1
    } while repeats > 0
    // Some changes leave the bytes as they are.
    if change.bytes == bytes { change.apply(.insertion, using: &random) }
    self.bytes = change.bytes
    description = "\(kind): \(change.notes.joined(separator: ", "))"
  }

  private enum Kind: CaseIterable {
    case flip, byte, insertion, deletion, end, twice, order, number, exchange, depth, key, bits,
      zeros, tail
  }

  /// Numbers that readers get wrong, and what is no number.
  private static let numbers = [
    "0", "-1", "1", "2", "0.5", "-0.0", "1e308", "-1e308", "1e-320", "1e999", "NaN", "Infinity",
    "4294967296", "2147483648", "68719476736", "1125899906842624", "4611686018427387904",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "99999999999999999999999999", "null", "true", "\"1\"", "[]", "{}", "",
  ]

  private static let patterns: [UInt64] = [
    0, .max, 1 << 62, 1 << 63, UInt64(Int64.max), 1 << 51, Double.nan.bitPattern,
    Double.infinity.bitPattern, (-Double.infinity).bitPattern, (1e308).bitPattern,
    (-1e308).bitPattern, 0x7FC0_0000_7FC0_0000, 0x7F7F_FFFF_7F7F_FFFF,
  ]

  private struct Change {
    var bytes: [UInt8]
    var notes: [String] = []

    /// A position; half of them are among the first bytes, where a file says what it is.
    private func place(_ random: inout SeededRandom) -> Int {
      let limit = Bool.random(using: &random) ? bytes.count : min(bytes.count, 1024)
      return limit == 0 ? 0 : Int.random(in: 0..<limit, using: &random)
    }

    mutating func apply(_ kind: Kind, using random: inout SeededRandom) {
      let place = place(&random)
      let count = min(bytes.count - place, Int.random(in: 1...40, using: &random))
      notes.append("at \(place)")
      switch kind {
      case .flip where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case .byte where !bytes.isEmpty: bytes[place] = .random(in: 0...255, using: &random)
      case .deletion: bytes.removeSubrange(place..<place + count)
      case .end: bytes.removeSubrange(place...)
      case .twice: bytes.insert(contentsOf: bytes[place..<place + count], at: place)
      case .zeros: for index in place..<place + count { bytes[index] = 0 }
      case .tail: bytes += (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      case .bits:
        let pattern = ByteChange.patterns.randomElement(using: &random) ?? 0
        for index in 0..<8 where place + index < bytes.count {
          bytes[place + index] = UInt8(truncatingIfNeeded: pattern >> (8 * index))
        }
      case .order: exchangeLines(using: &random)
      case .number: replaceNumber(using: &random)
      case .exchange: exchangeNumbers(using: &random)
      case .depth:
        let text = [String(repeating: "[", count: 5000), String(repeating: "{\"a\":", count: 5000)]
        replaceNumber(by: text.randomElement(using: &random) ?? "", using: &random)
      case .key: repeatMember(using: &random)
      case .flip, .byte, .insertion:
        bytes.insert(.random(in: 0...255, using: &random), at: place)
      }
    }

    /// The ranges of numbers in a text.
    private var numbers: [Range<Int>] {
      func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
      func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || "+-.eE".utf8.contains(byte) }
      var ranges: [Range<Int>] = []
      var index = 0
      // Of a long file, as of tensors, only the first bytes are text.
      let end = min(bytes.count, 1 << 16)
      while index < end {
        guard isDigit(bytes[index]) else {
          index += 1
          continue
        }
        let start = index > 0 && bytes[index - 1] == UInt8(ascii: "-") ? index - 1 : index
        while index < end, isPart(bytes[index]) { index += 1 }
        ranges.append(start..<index)
      }
      return ranges
    }

    private mutating func replaceNumber(by text: String? = nil, using random: inout SeededRandom) {
      guard let range = numbers.randomElement(using: &random) else { return }
      let other = text ?? ByteChange.numbers.randomElement(using: &random) ?? ""
      notes.append(
        "\(String(decoding: bytes[range], as: UTF8.self)) to \(other.prefix(30)) at \(range.lowerBound)"
      )
      bytes.replaceSubrange(range, with: Array(other.utf8))
    }

    private mutating func exchangeNumbers(using random: inout SeededRandom) {
      let ranges = numbers
      guard let one = ranges.randomElement(using: &random),
        let other = ranges.randomElement(using: &random), one.upperBound <= other.lowerBound
      else { return }
      let (first, second) = (Array(bytes[one]), Array(bytes[other]))
      notes.append("numbers at \(one.lowerBound) and \(other.lowerBound)")
      bytes.replaceSubrange(other, with: first)
      bytes.replaceSubrange(one, with: second)
    }

    private mutating func exchangeLines(using random: inout SeededRandom) {
      var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      lines.swapAt(
        Int.random(in: 0..<lines.count, using: &random),
        Int.random(in: 0..<lines.count, using: &random))
      bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// Repeats a member of a JSON object, from its key to the next comma.
    private mutating func repeatMember(using random: inout SeededRandom) {
      let keys = bytes.indices.prefix(1 << 16).filter {
        bytes[$0] == UInt8(ascii: "\"")
          && ($0 == 0 || " ,{\n".utf8.contains(bytes[$0 - 1]))
      }
      guard let start = keys.randomElement(using: &random),
        let end = bytes[start...].firstIndex(of: UInt8(ascii: ","))
      else { return }
      notes.append("member at \(start)")
      bytes.insert(contentsOf: bytes[start...end], at: start)
    }
  }
}
