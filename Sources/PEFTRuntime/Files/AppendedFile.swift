import Glibc

/// A log on disk to which pieces are only appended.
///
/// Every piece is written in full. If the system writes only part of it, the file is cut back and
/// the error is thrown. A killed process may leave part of its last piece, which `reopening` cuts
/// off. A symbolic link is not followed.
public struct AppendedFile: Sendable {
  /// The path.
  public let path: String
  /// The size of the file in bytes.
  public private(set) var byteCount: Int

  /// Creates an empty file, replacing an existing one.
  public init(creating path: String) throws(FileError) {
    self.path = path
    byteCount = 0
    _ = try FileDescriptor(
      opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o666,
      action: "cannot create")
  }

  /// Continues a file after its first `byteCount` bytes and cuts off the rest.
  ///
  /// Errors: `malformed` if the file has fewer bytes.
  public init(reopening path: String, keeping byteCount: Int) throws(FileError) {
    self.path = path
    self.byteCount = byteCount
    let file = try FileDescriptor(opening: path, flags: O_WRONLY | O_NOFOLLOW)
    guard try file.status(path: path).byteCount >= byteCount else {
      throw FileError(
        .malformed, path: path, reason: "it has fewer bytes than it had: \(byteCount)",
        remedy: "restore it, or begin again with `overwrite`")
    }
    try Self.cut(file, to: byteCount, path: path)
  }

  /// Appends `bytes`.
  public mutating func append(_ bytes: [UInt8]) throws(FileError) {
    let file = try FileDescriptor(opening: path, flags: O_WRONLY | O_NOFOLLOW)
    let start = byteCount
    do throws(FileError) {
      try bytes.withPointer { (bytes) throws(FileError) in
        var rest = UnsafeRawBufferPointer(bytes)[...]
        while !rest.isEmpty {
          let chunk = UnsafeRawBufferPointer(rebasing: rest)
          let place = off_t(start + bytes.count - rest.count)
          let written = pwrite(file.number, chunk.baseAddress, chunk.count, place)
          if written < 0 && errno == EINTR { continue }
          guard written > 0 else {
            throw .system(written == 0 ? EIO : errno, "cannot write", path: path)
          }
          rest = rest.dropFirst(written)
        }
      }
    } catch {
      // If the file cannot be cut now, it is cut when it is opened again.
      try? Self.cut(file, to: start, path: path)
      throw error
    }
    byteCount += bytes.count
  }

  /// Returns when the bytes are on the disk.
  public func synchronize() throws(FileError) {
    try FileDescriptor(opening: path, flags: O_WRONLY | O_NOFOLLOW).synchronize(path: path)
  }

  private static func cut(
    _ file: borrowing FileDescriptor, to byteCount: Int, path: String
  ) throws(FileError) {
    var status: Int32
    repeat { status = ftruncate(file.number, off_t(byteCount)) } while status != 0 && errno == EINTR
    guard status == 0 else { throw .system(errno, "cannot cut", path: path) }
  }
}
