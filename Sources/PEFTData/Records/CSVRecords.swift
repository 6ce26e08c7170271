import PEFTTensor

/// Comma-separated rows by RFC 4180, with LF accepted in place of CR LF.
///
/// A cell is either bare, without quotation marks and line ends, or quoted as a whole. In a quoted
/// cell, commas and line ends are content, and a doubled quotation mark represents one. Anything
/// else is an error: a quotation mark inside a bare cell, text after a closing quotation mark, or a
/// carriage return without a line feed.
struct CSVRecords: DelimitedRecords {
  static let widthRemedy = "put a text that has commas between double quotes"

  private let text: ValidatedText
  private let path: String
  private var position = 0
  private var line = 1

  init(_ text: ValidatedText, path: String) {
    self.text = text
    self.path = path
  }

  mutating func next() throws(FileError) -> DelimitedRecord? {
    var emptyAt: Int?
    while position < text.bytes.count {
      let start = line
      if try takeLineEnd() {
        emptyAt = emptyAt ?? start
        continue
      }
      if let emptyAt { throw emptyLine(emptyAt, path: path) }
      var cells = [try takeCell()]
      while position < text.bytes.count, text.bytes[position] == UInt8(ascii: ",") {
        position += 1
        cells.append(try takeCell())
      }
      if position < text.bytes.count, try !takeLineEnd() {
        throw failure("text after a closing quotation mark", line: line)
      }
      return DelimitedRecord(line: start, cells: cells)
    }
    return nil
  }

  private func failure(_ reason: String, line: Int) -> FileError {
    FileError(
      .malformed, path: path, place: "line \(line)", reason: reason,
      remedy: "quote the whole cell and double the quotation marks in it")
  }

  /// Whether a line ends at `position`; if so, moves past the line end.
  private mutating func takeLineEnd() throws(FileError) -> Bool {
    let bytes = text.bytes
    if bytes[position] == UInt8(ascii: "\r") {
      guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\n") else {
        throw failure("a carriage return without a line feed", line: line)
      }
      position += 2
    } else if bytes[position] == UInt8(ascii: "\n") {
      position += 1
    } else {
      return false
    }
    line += 1
    return true
  }

  private mutating func takeCell() throws(FileError) -> String {
    let bytes = text.bytes
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return try takeQuotedCell() }
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        return text.string(start..<position)
      case UInt8(ascii: "\""):
        throw failure("a quotation mark inside a cell that does not begin with one", line: line)
      default: position += 1
      }
    }
    return text.string(start..<position)
  }

  private mutating func takeQuotedCell() throws(FileError) -> String {
    let bytes = text.bytes
    let firstLine = line
    var content: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
          return String(decoding: content, as: UTF8.self)
        }
        position += 1
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      content.append(byte)
    }
    throw failure("the quotation mark that opens this cell is never closed", line: firstLine)
  }
}
