import Foundation

/// Bytes written in base64 (RFC 4648).
enum Base64 {
  /// The bytes; nil for a text that is not base64.
  static func decoded(_ text: String) -> [UInt8]? {
    Data(base64Encoded: text).map { [UInt8]($0) }
  }
}
