import PEFTTensor

/// Tab-separated rows. A line feed ends a row, a carriage return before it is dropped, and a tab
/// ends a cell. Every other byte is content, including quotation marks.
struct TSVRecords: DelimitedRecords {
  static let widthRemedy =
    "a tab always separates in TSV; take it out of the text, or write the data as JSONL"

  private let text: ValidatedText
  private let path: String
  private var position = 0
  private var line = 0

  init(_ text: ValidatedText, path: String) {
    self.text = text
    self.path = path
  }

  mutating func next() throws(FileError) -> DelimitedRecord? {
    var emptyAt: Int?
    while position < text.bytes.count {
      line += 1
      let record = takeLine()
      if let record {
        if let emptyAt { throw emptyLine(emptyAt, path: path) }
        return DelimitedRecord(line: line, cells: record)
      }
      emptyAt = emptyAt ?? line
    }
    return nil
  }

  /// The cells of the line at `position`, which moves past the line; nil for an empty line.
  private mutating func takeLine() -> [String]? {
    let bytes = text.bytes
    let lineStart = position
    var cells: [String] = []
    var cellStart = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
      if bytes[position] == UInt8(ascii: "\t") {
        cells.append(text.string(cellStart..<position))
        cellStart = position + 1
      }
      position += 1
    }
    var end = position
    if end > cellStart, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    position += 1
    guard end > lineStart else { return nil }
    cells.append(text.string(cellStart..<end))
    return cells
  }
}
