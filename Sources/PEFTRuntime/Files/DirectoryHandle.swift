import Glibc

/// An open directory. Names are looked up in this directory only, and symbolic links are never
/// followed.
package struct DirectoryHandle: ~Copyable {
  /// The kind of a directory entry.
  package enum Entry: Hashable, Sendable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A symbolic link, a pipe, a device or a socket.
    case other
  }

  /// The path, as the caller named it.
  package let path: String
  private let descriptor: FileDescriptor

  /// Opens the directory at `path`.
  ///
  /// Errors: `notFound`; `storage` for a symbolic link, for anything that is not a directory, and
  /// if the system refuses.
  package init(_ path: String) throws(FileError) {
    self.path = path
    // With a trailing slash, the system would follow a link.
    var name = path[...]
    while name.count > 1, name.hasSuffix("/") { name.removeLast() }
    switch try Self.entry(String(name)) {
    case .directory: break
    case nil: throw .system(ENOENT, "cannot open", path: path)
    case .file, .other:
      throw FileError(
        .storage, path: path, reason: "it is a file or a symbolic link, not a directory",
        remedy: "name the directory itself")
    }
    descriptor = try FileDescriptor(
      opening: String(name), flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  }

  /// The kind of entry at `path`; nil if there is no entry of that name.
  ///
  /// Errors: `storage` if the system cannot tell.
  package static func entry(_ path: String) throws(FileError) -> Entry? {
    try FileError.checkPath(path)
    var status = stat()
    if lstat(path, &status) != 0 {
      guard errno == ENOENT || errno == ENOTDIR else {
        throw .system(errno, "cannot read", path: path)
      }
      return nil
    }
    return status.st_mode.isDirectory ? .directory : status.st_mode.isRegularFile ? .file : .other
  }

  /// The names in the directory, in no particular order, without `.` and `..`.
  ///
  /// Errors: `storage` if the system does not list all of them.
  package func names() throws(FileError) -> [String] {
    let copy = openat(descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else {
      let code = errno
      if copy >= 0 { close(copy) }
      throw .system(code, "cannot read", path: path)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .system(errno, "cannot read", path: path) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// The kind of the entry `name`; nil if there is no entry of that name.
  package func entry(_ name: String) throws(FileError) -> Entry? {
    try Self.entry(path + "/" + name)
  }

  /// Removes the regular file `name`. Does nothing if there is no such file or if `name` is
  /// something else.
  package func removeFile(_ name: String) throws(FileError) {
    guard try entry(name) == .file else { return }
    guard unlinkat(descriptor.number, name, 0) == 0 || errno == ENOENT else {
      throw .system(errno, "cannot remove", path: path + "/" + name)
    }
  }

  /// Removes the directory `name` if it is empty.
  ///
  /// - Returns: whether the directory no longer exists.
  package func removeDirectory(_ name: String) throws(FileError) -> Bool {
    if unlinkat(descriptor.number, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return true }
    if errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR { return false }
    throw .system(errno, "cannot remove", path: path + "/" + name)
  }

  /// Copies the permissions of another directory to this one.
  package func setPermissions(of other: borrowing DirectoryHandle) throws(FileError) {
    let mode = try other.descriptor.status(path: other.path).mode
    guard fchmod(descriptor.number, mode & 0o7777) == 0 else {
      throw .system(errno, "cannot set permissions", path: path)
    }
  }

  /// Whether the directory at `path` is the process's working directory.
  package static func isCurrent(_ path: String) -> Bool {
    var (one, other) = (stat(), stat())
    return stat(path, &one) == 0 && stat(".", &other) == 0 && one.st_dev == other.st_dev
      && one.st_ino == other.st_ino
  }

  /// Returns when all changes of names in the directory are on the disk.
  package func synchronize() throws(FileError) { try descriptor.synchronize(path: path) }

  /// Creates the directory at `path` and its missing parents. Existing directories are not changed.
  ///
  /// Errors: `storage` if the system refuses.
  package static func create(_ path: String) throws(FileError) {
    try FileError.checkPath(path)
    let parts = path.split(separator: "/")
    var place = path.hasPrefix("/") ? "/" : ""
    for part in parts {
      place += part
      if mkdir(place, 0o777) != 0, errno != EEXIST {
        let code = errno
        // The parents of a writable directory may exist without being writable.
        var status = stat()
        guard stat(place, &status) == 0 else { throw notMade(code, path) }
      }
      place += "/"
    }
    var status = stat()
    guard stat(path.isEmpty ? "." : path, &status) == 0, status.st_mode.isDirectory else {
      throw notMade(ENOTDIR, path)
    }
  }

  private static func notMade(_ code: Int32, _ path: String) -> FileError {
    let error = FileError.system(code, "the directory cannot be made", path: path)
    return FileError(.storage, path: path, reason: error.reason, remedy: error.remedy)
  }
}
