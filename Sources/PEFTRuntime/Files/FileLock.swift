import Glibc

/// A lock on a file that every writer replaces, held by one writer at a time for as long as this
/// object lives.
package final class FileLock {
  private let descriptor: FileDescriptor

  /// Waits for the lock of the file at `path`.
  ///
  /// - Returns: nil if another writer has replaced the file in the meantime; the caller then tries
  ///   again.
  package init?(_ path: String) throws(FileError) {
    do throws(FileError) {
      descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_NOFOLLOW)
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
    while flock(descriptor.number, LOCK_EX) != 0 {
      if errno == EINTR { continue }
      // This file system has no locks, as some network file systems do not.
      if [ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS].contains(errno) { return }
      throw .system(errno, "cannot lock", path: path)
    }
    var (held, named) = (stat(), stat())
    guard fstat(descriptor.number, &held) == 0, stat(path, &named) == 0,
      held.st_ino == named.st_ino, held.st_dev == named.st_dev
    else { return nil }
  }
}
