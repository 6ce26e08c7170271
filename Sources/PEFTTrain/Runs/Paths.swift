import Foundation

/// `path` from the root of the file system, as a run directory must remember it.
func absolutePath(_ path: String) -> String {
  URL(filePath: path, relativeTo: URL.currentDirectory()).standardizedFileURL.path
}

/// Whether `path` is a directory.
func isDirectory(_ path: String) -> Bool {
  var isDirectory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    && isDirectory.boolValue
}
