import Glibc

/// Locks a directory for one process at a time, for as long as this object lives.
///
/// The operating system locks the directory itself, so no file is left behind, and the lock of a
/// process disappears however the process ends. On file systems without locks it has no effect.
/// Processes that share a directory hold the lock together, and exclude a process that wants the
/// directory alone.
package final class DirectoryLock {
  private let descriptor: FileDescriptor

  /// Locks the directory at `path`, which must exist.
  ///
  /// If another process holds the lock, the initializer waits for half a second, because a child
  /// process holds it too until it executes its own program.
  ///
  /// - Parameter isShared: whether other processes may share the lock.
  /// - Throws: `storage` if another process holds the lock.
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

  /// Waits until no other process holds the lock. Returns nil if `shouldStop`, called ten times a
  /// second, ended the wait.
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

  /// Locks the directory at `path` if no other process holds its lock, and else returns nil.
  package static func attempt(_ path: String) throws(FileError) -> DirectoryLock? {
    let descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    guard try take(descriptor, isShared: false, path: path) else { return nil }
    return DirectoryLock(holding: descriptor)
  }

  /// Whether a process holds the lock of the directory at `path`, shared or not.
  package static func isHeld(_ path: String) throws(FileError) -> Bool {
    let descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    return try !take(descriptor, isShared: false, path: path)
  }

  /// Whether the lock could be taken.
  private static func take(
    _ descriptor: borrowing FileDescriptor, isShared: Bool, path: String
  ) throws(FileError) -> Bool {
    while flock(descriptor.number, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: return false
      // This file system has no locks, as some network file systems do not.
      case ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS: return true
      default: throw .system(errno, "cannot lock", path: path)
      }
    }
    return true
  }
}
