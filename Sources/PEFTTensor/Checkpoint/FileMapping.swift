import Glibc

/// The bytes of a file, mapped read-only into memory until the end of this object's life.
///
/// The file must not be shortened meanwhile: the system ends a process that touches a page beyond
/// the end. Replacing it by `AtomicFile` is safe, because the mapping keeps the old file.
final class FileMapping: Sendable {
  private let base: Int
  private let file: FileDescriptor
  private let status: FileDescriptor.Status
  private let path: String
  private var byteCount: Int { status.byteCount }

  /// Maps the regular file at `path`.
  init(path: String) throws(FileError) {
    // Without O_NONBLOCK, opening a pipe nobody writes to would wait for ever.
    file = try FileDescriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
    status = try file.status(path: path)
    self.path = path
    guard !status.mode.isDirectory else { throw .system(EISDIR, "cannot read", path: path) }
    guard status.mode.isRegularFile else {
      throw FileError(.unsupported, path: path, reason: "not a regular file")
    }
    guard status.byteCount > 0 else {
      base = 0
      return
    }
    let address = mmap(nil, status.byteCount, PROT_READ, MAP_PRIVATE, file.number, 0)
    guard let address, address != MAP_FAILED else {
      throw .system(errno, "cannot map into memory", path: path)
    }
    base = Int(bitPattern: address)
  }

  deinit {
    if byteCount > 0 { munmap(UnsafeMutableRawPointer(bitPattern: base), byteCount) }
  }

  /// Throws where the file was written to since it was opened. One that took its place does not count.
  func checkUnchanged() throws(FileError) {
    guard try file.status(path: path) == status else {
      throw FileError(
        .malformed, path: path, reason: "it was written to while it was in use",
        remedy: "begin again with a file that nothing changes")
    }
  }

  /// Lets go of the memory of the whole pages in a range of bytes; they are read again when they are touched.
  func release(_ range: Range<Int>) {
    let page = Int(getpagesize())
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    guard start < end else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: base + start), end - start, MADV_DONTNEED)
  }

  /// Calls `body` with the bytes of the whole file; they must not be kept beyond the call.
  func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(
      UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: base), count: byteCount))
  }
}
