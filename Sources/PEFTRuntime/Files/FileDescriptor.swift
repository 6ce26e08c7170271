import Glibc

/// An open file of the operating system, closed when this value is destroyed.
package struct FileDescriptor: ~Copyable {
  /// The file descriptor's number.
  package let number: Int32

  /// Opens `path`. `mode` gives the permissions of a file that this call creates; `action` is the
  /// phrase with which an error message says what failed.
  package init(
    opening path: String, flags: Int32, mode: mode_t = 0, action: String = "cannot open"
  ) throws(FileError) {
    try FileError.checkPath(path)
    var number: Int32
    repeat { number = open(path, flags | O_CLOEXEC, mode) } while number < 0 && errno == EINTR
    guard number >= 0 else { throw .system(errno, action, path: path) }
    self.number = number
  }

  deinit { close(number) }

  /// Returns when everything written is on the disk.
  package func synchronize(path: String) throws(FileError) {
    while fsync(number) != 0 {
      // EINVAL: this file system has no synchronization, so there is nothing to wait for.
      if errno == EINVAL { return }
      guard errno == EINTR else { throw .system(errno, "cannot write to the disk", path: path) }
    }
  }

  /// The part of a file's status that shows a change.
  package struct Status: Equatable, Sendable {
    /// The size in bytes.
    package let byteCount: Int
    /// The type and permissions.
    package let mode: mode_t
    /// When the contents last changed, in seconds and nanoseconds.
    package let changed: [Int]
  }

  /// The file's current status.
  package func status(path: String) throws(FileError) -> Status {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .system(errno, "cannot read", path: path) }
    return Status(
      byteCount: Int(status.st_size), mode: status.st_mode,
      changed: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec])
  }
}

extension mode_t {
  /// Whether these are the mode bits of a regular file.
  package var isRegularFile: Bool { self & S_IFMT == S_IFREG }
  /// Whether these are the mode bits of a directory.
  package var isDirectory: Bool { self & S_IFMT == S_IFDIR }
}
