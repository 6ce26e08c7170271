import Glibc

extension DirectoryHandle {
  /// Renames the directory at `source` to `target` in one step, so that `target`, if it existed,
  /// never disappears.
  ///
  /// An existing directory at `target` is renamed to `source`. On file systems that cannot exchange
  /// names this takes three renames, and a process killed between the first two leaves the old
  /// directory at `source` + ".old".
  ///
  /// Errors: `storage` if the system refuses; both names are then as before.
  package static func exchange(_ source: String, with target: String) throws(FileError) {
    guard try entry(target) != nil else {
      guard rename(source, target) == 0 else {
        throw .system(errno, "cannot be put in place", path: target)
      }
      return
    }
    if let exchangeNames, exchangeNames(AT_FDCWD, source, AT_FDCWD, target, 2) == 0 { return }
    guard exchangeNames == nil || [EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else {
      throw .system(errno, "cannot be replaced", path: target)
    }
    let old = source + ".old"
    guard rename(target, old) == 0 else {
      throw .system(errno, "cannot be replaced", path: target)
    }
    guard rename(source, target) == 0 else {
      let code = errno
      _ = rename(old, target)
      throw .system(code, "cannot be replaced", path: target)
    }
    _ = rename(old, source)
  }

  private typealias Rename2 =
    @convention(c) (
      Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
    ) -> Int32

  /// `renameat2`, whose flag 2 is RENAME_EXCHANGE. Swift's module of the C library does not have
  /// it.
  private static let exchangeNames: Rename2? = dlsym(nil, "renameat2").map {
    unsafeBitCast($0, to: Rename2.self)
  }
}
