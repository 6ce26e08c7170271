import Glibc

/// Keeps a directory for one process at a time, until its life ends.
///
/// The lock is the operating system's, on the directory itself: nothing is left behind, and the
/// lock of a process that ended in any way is gone with it. File systems that know no locks keep
/// nothing. Processes that share a directory hold it together, against one that wants it alone.
package final class DirectoryLock {
  private let descriptor: FileDescriptor

  /// Takes the lock of the directory at `path`, which must exist.
  ///
  /// One that another process has is waited for half a second: a process that this one starts has
  /// it too until it runs its own program.
  ///
  /// - Parameter isShared: whether others may have it too that share it.
  /// - Throws: `storage` where another process has it.
  package init(_ path: String, isShared: Bool = false) throws(FileError) {
    descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    for _ in 0..<20 {
      if try Self.take(descriptor, isShared: isShared, path: path) { return }
      usleep(25_000)
    }
    throw FileError(
      .storage, path: path, reason: "another process is at work in this directory",
      remedy: "wait until it has ended, or name another directory")
  }

  private init(holding descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Waits until no other process has the lock; nil where `shouldStop`, asked ten times
  /// a second, ended that.
  package static func wait(
    _ path: String, shouldStop: () -> Bool
  ) throws(FileError) -> DirectoryLock? {
    let descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    while try !take(descriptor, isShared: false, path: path) {
      if shouldStop() { return nil }
      usleep(100_000)
    }
    return DirectoryLock(holding: descriptor)
  }

  /// Whether the lock is taken now.
  private static func take(
    _ descriptor: borrowing FileDescriptor, isShared: Bool, path: String
  ) throws(FileError) -> Bool {
    while flock(descriptor.number, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: return false
      // No locks here, as on some network file systems.
      case ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS: return true
      default: throw .system(errno, "cannot lock", path: path)
      }
    }
    return true
  }
}
