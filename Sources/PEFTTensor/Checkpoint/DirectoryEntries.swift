import Glibc

/// What is in a directory.
package enum DirectoryEntries {
  /// The names in the directory at `path`, in no order; none where there is no directory.
  ///
  /// Errors: `storage` where the system refuses: a missing permission, too many open files, a failing disk.
  package static func names(in path: String) throws(FileError) -> [String] {
    try FileError.checkPath(path)
    guard let directory = opendir(path) else {
      if [ENOENT, ENOTDIR].contains(errno) { return [] }
      throw .system(errno, "cannot list", path: path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else {
        guard errno == 0 else { throw .system(errno, "cannot list", path: path) }
        return names
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
          String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }
}
