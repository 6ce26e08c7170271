import Glibc

/// Reading whole files.
public enum FileContents {
  /// The most bytes that `read` returns: 4 GiB.
  public static let maximumByteCount = 1 << 32

  /// The size of the file at `path`, in bytes.
  public static func byteCount(_ path: String) throws(FileError) -> Int {
    try FileDescriptor(opening: path, flags: O_RDONLY).status(path: path).byteCount
  }

  /// The bytes of the file at `path`, which may also be a pipe.
  ///
  /// Errors: `notFound`; `unsupported` for a directory or for more than `limit` bytes; `storage`
  /// for a missing permission or a failing disk.
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

  /// Calls `body` with the bytes of the file at `path` in their order, a piece of at most 4 MiB at a time.
  ///
  /// Errors: those of `read`, but of any size.
  package static func forEachPiece(
    of path: String, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    guard try !file.status(path: path).mode.isDirectory else {
      throw .system(EISDIR, "cannot read", path: path)
    }
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 22, alignment: 64)
    defer { room.deallocate() }
    while true {
      let count = Glibc.read(file.number, room.baseAddress, room.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .system(errno, "cannot read", path: path) }
      if count == 0 { return }
      body(UnsafeRawBufferPointer(rebasing: room[..<count]))
    }
  }
}
