/// What could make a YAML document far more than its bytes, counted in the bytes before anything
/// composes them.
///
/// The counts are never too low, as no token of YAML begins right after a letter or a digit of
/// ASCII. They may be too high: quotes and comments count too.
struct YAMLScan {
  /// Anchors, `&name`. Without one there are no aliases.
  private(set) var anchors = 0
  /// Aliases, `*name`.
  private(set) var aliases = 0
  /// Names that are a list, a map or an alias: those after `?`, and what ends in `]`, `}` or
  /// `*name` before a colon.
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

  /// The characters of an anchor's name.
  private static func isName(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}
