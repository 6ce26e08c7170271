import Foundation

/// `path` as an absolute path, so that a run directory can store it.
package func absolutePath(_ path: String) -> String {
  URL(filePath: path, relativeTo: URL.currentDirectory()).standardizedFileURL.path
}

/// Throws if something exists at `path` that cannot be read twice, such as a pipe. A run is bound
/// to its data by a digest, so it must be able to read them again.
package func checkRereadable(_ path: String) throws(FileError) {
  var status = stat()
  guard stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
    return
  }
  throw FileError(
    .unsupported, path: path, reason: "it cannot be read a second time, which training needs to do",
    remedy: "write its output to a file, and name that file")
}

/// Whether `path` is a directory.
package func isDirectory(_ path: String) -> Bool {
  var isDirectory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    && isDirectory.boolValue
}
