import Foundation
import PEFTTensor
import PEFTTrain

/// Directories that commands write into.
enum OutputDirectory {
  /// Makes the directory; refuses one that has one of `names` already, unless `overwriting`, which removes
  /// these and the marks of runs and checkpoints below it, so that nothing old is taken for new.
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
    if overwriting {
      for name in names { try? manager.removeItem(atPath: "\(path)/\(name)") }
      let below = manager.enumerator(atPath: path + "/methods")
      while let name = below?.nextObject() as? String {
        let last = (name as NSString).lastPathComponent
        if last == RunManifest.fileName || last == CheckpointStore.manifestName {
          try? manager.removeItem(atPath: "\(path)/methods/\(name)")
        }
      }
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
