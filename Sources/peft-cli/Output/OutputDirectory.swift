import Foundation
import PEFTTensor
import PEFTTrain

/// Directories that commands write into.
enum OutputDirectory {
  /// Makes the directory; refuses one that has one of `names` already, unless `overwriting`, which removes
  /// these and the marks of runs and checkpoints below it, so that nothing old is taken for new. Where another
  /// process is at work there, nothing is removed and it throws.
  static func create(
    _ path: String, replacing names: [String], overwriting: Bool
  ) throws(FileError) {
    let manager = FileManager.default
    if overwriting {
      let runs = runs(below: path)
      for directory in [path] + runs.directories where manager.fileExists(atPath: directory) {
        _ = try DirectoryLock(directory)
      }
      for name in names { try? manager.removeItem(atPath: "\(path)/\(name)") }
      for mark in runs.marks { try? manager.removeItem(atPath: mark) }
    } else {
      try refuse(path, holding: names)
    }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError(
        .storage, path: path, reason: "the directory cannot be made: \(error.localizedDescription)",
        remedy: "check the path, the permissions and the space on the disk")
    }
  }

  /// Throws where the directory has one of `names`.
  static func refuse(_ path: String, holding names: [String]) throws(FileError) {
    let manager = FileManager.default
    guard let name = names.first(where: { manager.fileExists(atPath: "\(path)/\($0)") }) else {
      return
    }
    throw FileError(
      .storage, path: path, reason: "there is a \(name) in it already",
      remedy: "name another directory, or add --overwrite")
  }

  /// The directories of the runs of a comparison or of rates on trial below `path`, and the marks of runs and
  /// checkpoints in them.
  private static func runs(below path: String) -> (directories: [String], marks: [String]) {
    var found: (directories: [String], marks: [String]) = ([], [])
    let manager = FileManager.default
    let places = ((try? manager.contentsOfDirectory(atPath: path)) ?? []).filter {
      $0 == "methods" || $0.hasPrefix("rate-")
    }
    for place in places.map({ path + "/" + $0 }) {
      found.directories.append(place)
      let names = manager.enumerator(atPath: place)
      while let name = names?.nextObject() as? String {
        let full = place + "/" + name
        var isDirectory: ObjCBool = false
        _ = manager.fileExists(atPath: full, isDirectory: &isDirectory)
        let last = (name as NSString).lastPathComponent
        if isDirectory.boolValue {
          found.directories.append(full)
        } else if last == RunManifest.fileName || last == CheckpointStore.manifestName {
          found.marks.append(full)
        }
      }
    }
    return found
  }
}
