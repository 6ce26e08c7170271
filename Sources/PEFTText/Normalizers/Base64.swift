import Foundation

/// Bytes encoded in base64 (RFC 4648).
enum Base64 {
  /// The decoded bytes; nil if the text is not base64.
  static func decoded(_ text: String) -> [UInt8]? {
    Data(base64Encoded: text).map { [UInt8]($0) }
  }
}
