import Glibc

/// Reading whole files.
public enum FileContents {
  /// The largest number of bytes that `read` returns: 4 GiB.
  public static let maximumByteCount = 1 << 32

  /// The size of the regular file at `path`, in bytes.
  ///
  /// Errors: `notFound`, `storage`; `unsupported` for anything other than a regular file.
  public static func byteCount(_ path: String) throws(FileError) -> Int {
    try RandomAccessFile(path: path).byteCount
  }

  /// The bytes of the file at `path`, which may also be a pipe.
  ///
  /// Errors: `notFound`; `unsupported` for a directory or for more than `limit` bytes; `storage`
  /// for missing permission or a failing disk.
  public static func read(
    _ path: String, limit: Int = maximumByteCount
  ) throws(FileError) -> [UInt8] {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    let status = try file.status(path: path)
    guard !status.mode.isDirectory else { throw .system(EISDIR, "cannot read", path: path) }

    var bytes: [UInt8] = []
    var expected = status.mode.isRegularFile ? status.byteCount : 0
    while true {
      guard expected <= limit, bytes.count <= limit else {
        throw FileError(
          .unsupported, path: path, reason: "larger than \(limit) bytes",
          remedy: "split the file")
      }
      let room = max(expected, 1 << 16)
      expected = 0
      var outcome = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        repeat {
          outcome = Glibc.read(file.number, buffer.baseAddress, room)
        } while outcome < 0 && errno == EINTR
        count = max(outcome, 0)
      }
      guard outcome >= 0 else { throw .system(errno, "cannot read", path: path) }
      if outcome == 0 { return bytes }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
    }
  }

  /// The bytes of the regular file at `path`, which must have at most `limit` bytes.
  ///
  /// Errors: `notFound`; `unsupported` for a directory, a pipe, a socket or a device, and, before
  /// reading anything, for more than `limit` bytes; `malformed` if the file is shortened during the
  /// read; `storage` for missing permission or a failing disk.
  public static func read(
    regularFile path: String, limit: Int = maximumByteCount
  ) throws(FileError) -> [UInt8] {
    let file = try RandomAccessFile(path: path)
    guard file.byteCount <= limit else {
      throw FileError(
        .unsupported, path: path, reason: "it has \(file.byteCount) bytes, more than \(limit)",
        remedy: "use the file that came with the model or run")
    }
    return try file.bytes(in: 0..<file.byteCount)
  }

  /// Calls `body` with the bytes of the regular file at `path` in order, one piece at a time.
  ///
  /// The file may have any size. Errors: those of `read(regularFile:limit:)`.
  package static func forEachPiece(
    of path: String, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let file = try RandomAccessFile(path: path)
    try file.forEachPiece(in: 0..<file.byteCount, body)
    try file.checkUnchanged()
  }
}
