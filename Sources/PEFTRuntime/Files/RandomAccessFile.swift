import Glibc

/// A regular file, open for reading at any offset for as long as this object lives.
///
/// Replacing the file at its path has no effect, because the descriptor keeps the old file open. If
/// bytes of the file itself change, the read that meets them throws an error and never crashes.
/// This is why the file is not mapped into memory: the system ends a process that touches a mapped
/// page beyond the end of a shortened file.
package final class RandomAccessFile: Sendable {
  /// The path, as the caller named it.
  package let path: String
  private let file: FileDescriptor
  private let status: FileDescriptor.Status

  /// The size when the file was opened, in bytes.
  package var byteCount: Int { status.byteCount }

  /// Opens the regular file at `path`.
  ///
  /// Errors: `notFound`, `storage`; `unsupported` for a directory, a pipe, a socket or a device,
  /// without waiting for a writer.
  package init(path: String) throws(FileError) {
    self.path = path
    // Without O_NONBLOCK, opening a pipe without a writer would block for ever.
    file = try FileDescriptor(opening: path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
    status = try file.status(path: path)
    guard !status.mode.isDirectory else { throw .system(EISDIR, "cannot read", path: path) }
    guard status.mode.isRegularFile else {
      throw FileError(
        .unsupported, path: path, reason: "not a regular file",
        remedy: "copy its contents into a file, and name that")
    }
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// Errors: `malformed` if the file has become too short, `storage` for a failing disk.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(file.number, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .system(errno, "cannot read", path: path) }
      guard count > 0 else { throw changed }
      done += count
    }
  }

  /// The bytes in `range`. Errors: as `read(at:into:)`.
  package func bytes(in range: Range<Int>) throws(FileError) -> [UInt8] {
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      do throws(FileError) {
        try read(
          at: range.lowerBound,
          into: UnsafeMutableRawBufferPointer(
            UnsafeMutableBufferPointer(rebasing: buffer[..<range.count])))
        count = range.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Calls `body` with the bytes in `range` in order, in pieces of `pieceByteCount` bytes
  /// (the last may be shorter). A piece is valid only during the call.
  ///
  /// Errors: those of `read(at:into:)`; whatever `body` throws.
  package func forEachPiece(
    in range: Range<Int>, of pieceByteCount: Int = 1 << 20,
    _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws(FileError) {
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(pieceByteCount, range.count), alignment: 64)
    defer { room.deallocate() }
    for start in stride(from: range.lowerBound, to: range.upperBound, by: pieceByteCount) {
      let count = min(pieceByteCount, range.upperBound - start)
      let piece = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      try read(at: start, into: piece)
      try body(UnsafeRawBufferPointer(piece))
    }
  }

  /// Throws `malformed` if the file was written to after it was opened.
  package func checkUnchanged() throws(FileError) {
    guard try file.status(path: path) == status else { throw changed }
  }

  private var changed: FileError {
    FileError(
      .malformed, path: path, reason: "it was written to while it was in use",
      remedy: "begin again with a file that nothing changes")
  }
}
