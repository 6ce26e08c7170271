import Foundation

/// `path` from the root of the file system, as a run directory must remember it.
package func absolutePath(_ path: String) -> String {
  URL(filePath: path, relativeTo: URL.currentDirectory()).standardizedFileURL.path
}

/// Throws for what is there and cannot be read a second time, such as a pipe: a run is bound to its
/// data by their digest.
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
