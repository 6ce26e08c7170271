import Glibc

/// Keeps a directory for one process at a time, until its life ends.
///
/// The lock is the operating system's, on the directory itself: nothing is left behind, and the lock of a
/// process that ended in any way is gone with it. File systems that know no locks keep nothing. Processes that
/// share a directory hold it together, against one that wants it alone.
package final class DirectoryLock {
  private let descriptor: FileDescriptor

  /// Takes the lock of the directory at `path`, which must exist.
  ///
  /// - Parameters:
  ///   - waits: whether to wait for another process that has it; otherwise that is an error of kind `storage`.
  ///   - isShared: whether others may have it too that share it.
  package init(
    _ path: String, waits: Bool = false, isShared: Bool = false
  ) throws(FileError) {
    descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    while flock(descriptor.number, (isShared ? LOCK_SH : LOCK_EX) | (waits ? 0 : LOCK_NB)) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK:
        throw FileError(
          .storage, path: path, reason: "another process is at work in this directory",
          remedy: "wait until it has ended, or name another directory")
      // No locks here, as on some network file systems.
      case ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS: return
      default: throw .system(errno, "cannot lock", path: path)
      }
    }
  }
}
