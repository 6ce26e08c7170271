import PEFTTensor

/// One row of a table.
struct DelimitedRecord: Hashable {
  /// The line on which the row begins, from 1.
  let line: Int
  /// Its cells, unquoted.
  let cells: [String]
}

/// The rows of a table, read one at a time.
///
/// Empty lines are allowed only at the end of the file. An empty line before a row is an error,
/// because a row may have been lost.
protocol DelimitedRecords {
  /// The remedy for a row with too many or too few cells in this format.
  static var widthRemedy: String { get }

  /// The next row, or nil at the end.
  mutating func next() throws(FileError) -> DelimitedRecord?
}

/// The error for an empty line that is followed by a row.
func emptyLine(_ line: Int, path: String) -> FileError {
  FileError(
    .malformed, path: path, place: "line \(line)", reason: "an empty line between rows",
    remedy: "remove the line or restore the row")
}
