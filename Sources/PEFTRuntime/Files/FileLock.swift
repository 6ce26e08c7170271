import Glibc

/// Keeps a file that every writer replaces for one of them at a time, until the end of its life.
package final class FileLock {
  private let descriptor: FileDescriptor

  /// Waits for the file at `path`.
  ///
  /// - Returns: nil where another writer has replaced the file meanwhile; the
  ///   caller then tries again.
  package init?(_ path: String) throws(FileError) {
    do throws(FileError) {
      descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_NOFOLLOW)
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
    while flock(descriptor.number, LOCK_EX) != 0 {
      if errno == EINTR { continue }
      // No locks here, as on some network file systems.
      if [ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS].contains(errno) { return }
      throw .system(errno, "cannot lock", path: path)
    }
    var (held, named) = (stat(), stat())
    guard fstat(descriptor.number, &held) == 0, stat(path, &named) == 0,
      held.st_ino == named.st_ino, held.st_dev == named.st_dev
    else { return nil }
  }
}
