import Foundation
import PEFTTensor

/// Directories on disk.
enum Directory {
  /// Makes a directory and those above it; one that is there already is fine.
  static func create(_ path: String) throws(FileError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path.isEmpty ? "." : path, withIntermediateDirectories: true)
    } catch {
      throw FileError(
        .storage, path: path,
        reason: "the directory cannot be made: \(error.localizedDescription)",
        remedy: "check the path, the permissions and the space on the disk")
    }
  }

  /// Removes a file; one that is not there is fine.
  static func remove(_ path: String) throws(FileError) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw FileError(
        .storage, path: path, reason: "it cannot be removed: \(error.localizedDescription)",
        remedy: "check the permissions")
    }
  }
}
