import Foundation
import PEFTTensor

/// The bytes of a file that are known to be well-formed UTF-8 without NUL and byte order mark.
struct ValidatedText {
  let bytes: [UInt8]

  /// Reads the whole file. Throws `notFound`, `storage`, and the errors of `init(_:path:)`.
  init(contentsOf path: String) throws(FileError) {
    try self.init(try readBytes(path), path: path)
  }

  /// Checks `bytes`. An error names the line and byte, both from 1, of the first invalid byte.
  init(_ bytes: [UInt8], path: String) throws(FileError) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw FileError(
        .malformed, path: path, reason: "the text is UTF-16",
        remedy: "convert it: iconv -f utf-16 -t utf-8 OLD > NEW")
    }
    let text = bytes.withoutByteOrderMark
    if let offset = text.firstIndex(of: 0) {
      throw FileError(
        .malformed, path: path, place: place(of: offset, in: text), reason: "a NUL byte in a text",
        remedy: "check that this is a text file; UTF-16 is converted by iconv -f utf-16 -t utf-8")
    }
    if let offset = firstMalformedOffset(in: text) {
      let digits = String(text[offset], radix: 16, uppercase: true)
      throw FileError(
        .malformed, path: path, place: place(of: offset, in: text),
        reason: "the byte 0x\(digits) is not valid UTF-8 here",
        remedy: "convert the file, for Latin-1 with: iconv -f latin1 -t utf8 OLD > NEW")
    }
    self.bytes = text
  }

  /// The whole text, with CR LF replaced by LF.
  var withoutCarriageReturns: String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      let endsLine = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n")
      if byte != UInt8(ascii: "\r") || !endsLine { result.append(byte) }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The text of a range whose ends are next to ASCII bytes or at the ends of the file.
  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

/// The content of the file at `path`. Throws the errors of `FileContents.read`.
func readBytes(_ path: String) throws(FileError) -> [UInt8] { try FileContents.read(path) }

private func place(of offset: Int, in bytes: [UInt8]) -> String {
  var line = 1
  var lineStart = 0
  for index in 0..<offset where bytes[index] == UInt8(ascii: "\n") {
    line += 1
    lineStart = index + 1
  }
  return "line \(line), byte \(offset - lineStart + 1)"
}

/// The offset of the first sequence that is not well formed by table 3-7 of the Unicode standard.
private func firstMalformedOffset(in bytes: [UInt8]) -> Int? {
  var position = 0
  while position < bytes.count {
    let lead = bytes[position]
    if lead < 0x80 {
      position += 1
      continue
    }
    let length: Int
    let second: ClosedRange<UInt8>
    switch lead {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return position
    }
    guard position + length <= bytes.count, second.contains(bytes[position + 1]),
      bytes[(position + 2)..<(position + length)].allSatisfy({ $0 & 0xC0 == 0x80 })
    else { return position }
    position += length
  }
  return nil
}
