import Foundation
import PEFTTensor

/// Directories that commands write into.
enum OutputDirectory {
  /// Makes the directory; refuses one that has one of `names` already, unless `overwriting`.
  static func create(
    _ path: String, replacing names: [String], overwriting: Bool
  ) throws(FileError) {
    let manager = FileManager.default
    if !overwriting, let name = names.first(where: { manager.fileExists(atPath: "\(path)/\($0)") })
    {
      throw FileError(
        .storage, path: path, reason: "there is a \(name) in it already",
        remedy: "name another directory, or add --overwrite")
    }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError(
        .storage, path: path, reason: "the directory cannot be made: \(error.localizedDescription)",
        remedy: "check the path, the permissions and the space on the disk")
    }
  }
}
