/// Counts the constructs that could expand a YAML document far beyond its size, by scanning the
/// bytes before the document is composed.
///
/// The counts are never too low, because no YAML token begins directly after an ASCII letter or
/// digit. They may be too high, because quoted text and comments count too.
struct YAMLScan {
  /// The number of anchors, `&name`. Without anchors there are no aliases.
  private(set) var anchors = 0
  /// The number of aliases, `*name`.
  private(set) var aliases = 0
  /// The number of names that are a list, a map or an alias: names after `?`, and names that end in
  /// `]`, `}` or `*name` before a colon.
  private(set) var compositeNames = 0

  /// Counts in `bytes`.
  init(_ bytes: [UInt8]) {
    for index in bytes.indices {
      switch bytes[index] {
      case UInt8(ascii: "&"): if Self.namesAnchor(bytes, index) { anchors += 1 }
      case UInt8(ascii: "*"):
        guard Self.namesAnchor(bytes, index) else { continue }
        aliases += 1
        let end = bytes[(index + 1)...].firstIndex { !Self.isName($0) } ?? bytes.endIndex
        if Self.isBeforeColon(bytes, end) { compositeNames += 1 }
      case UInt8(ascii: "?"): if Self.canBegin(bytes, index) { compositeNames += 1 }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if Self.isBeforeColon(bytes, index + 1) { compositeNames += 1 }
      default: break
      }
    }
    if anchors == 0 { aliases = 0 }
  }

  private static func canBegin(_ bytes: [UInt8], _ index: Int) -> Bool {
    index == 0 || !isLetterOrDigit(bytes[index - 1])
  }

  private static func namesAnchor(_ bytes: [UInt8], _ index: Int) -> Bool {
    canBegin(bytes, index) && index + 1 < bytes.count && isName(bytes[index + 1])
  }

  private static func isBeforeColon(_ bytes: [UInt8], _ index: Int) -> Bool {
    bytes[index...].first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
      == UInt8(ascii: ":")
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// Whether a byte may be part of an anchor's name.
  private static func isName(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}
