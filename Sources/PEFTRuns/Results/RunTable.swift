import Foundation
import PEFTTensor

/// A CSV table to which a run appends rows, with a running digest of its content.
package struct RunTable {
  /// The length of a table as recorded in a checkpoint.
  package struct Mark: Hashable, Sendable {
    let byteCount: Int
    /// The SHA-256 of these bytes in hexadecimal.
    let digest: String
  }

  private var file: AppendedFile
  private var hash = SHA256()

  /// Creates a table.
  package init(creating path: String, header: String) throws(FileError) {
    file = try AppendedFile(creating: path)
    try append(header)
  }

  /// Continues a table at a mark; later rows are cut off.
  ///
  /// Errors: `malformed` if the bytes before the mark have changed.
  package init(reopening path: String, at mark: Mark) throws(FileError) {
    let bytes = try FileContents.read(regularFile: path).prefix(mark.byteCount)
    hash.append(Array(bytes))
    guard bytes.count == mark.byteCount, hash.hexadecimal == mark.digest else {
      throw FileError(
        .malformed, path: path,
        reason: "it was changed since the checkpoint, or checkpoint.json was",
        remedy: "restore it, or begin again with `overwrite`")
    }
    file = try AppendedFile(reopening: path, keeping: mark.byteCount)
  }

  /// Continues a table without a mark after its header and first `rowCount` rows.
  package init(reopening path: String, keepingRows rowCount: Int) throws(FileError) {
    let lines = try FileContents.read(regularFile: path)
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .prefix(rowCount + 1)
    file = try AppendedFile(reopening: path, keeping: lines.reduce(0) { $0 + $1.count + 1 })
    for line in lines { hash.append(Array(line) + [UInt8(ascii: "\n")]) }
  }

  /// The current length.
  package var mark: Mark {
    Mark(byteCount: file.byteCount, digest: hash.hexadecimal)
  }

  /// Appends a row.
  package mutating func append(_ row: String) throws(FileError) {
    let bytes = Array((row + "\n").utf8)
    try file.append(bytes)
    hash.append(bytes)
  }

  /// Returns when all rows are on the disk.
  package func synchronize() throws(FileError) { try file.synchronize() }
}
