import PEFTTensor

/// Removes everything that a marker lists, and nothing else.
package enum OutputRemoval {
  /// The files that make a directory a result. They are removed first, so that a half-removed
  /// directory is never taken for a complete one.
  package static let manifests = [
    "run.json", "comparison.json", "plan.json", "influence.json", "suite.json",
    "tune.json", "folds.json", "validation.json", "pretraining.json", "config.json",
    "adapter_config.json",
    "checkpoint.json", "probe-checkpoint.json",
  ]

  /// Removes the directory at `path` with everything that its marker lists. If it contains anything
  /// else, the directory and that content are kept.
  ///
  /// - Parameter isLocked: whether the caller keeps other processes out of the directory.
  /// - Throws: `storage` if another process works in it.
  package static func removeAll(_ path: String, isLocked: Bool = false) throws(FileError) {
    guard try DirectoryHandle.entry(path) == .directory else { return }
    let lock = isLocked ? nil : try DirectoryLock(path)
    defer { withExtendedLifetime(lock) {} }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    AtomicFile.removeLeftOvers(in: path)
    _ = try clear(String(path[..<slash]), String(path[slash...].dropFirst()))
  }

  /// Locks the listed directories and the directories that their markers list.
  ///
  /// - Throws: `storage` if another process works in one of them.
  package static func locks(
    _ listing: OutputMarker.Listing, in path: String
  ) throws(FileError) -> [DirectoryLock] {
    var locks: [DirectoryLock] = []
    for name in listing.directories where try isDirectory(path, name) {
      let place = path + "/" + name
      locks.append(try DirectoryLock(place))
      if let below = try OutputMarker(directory: place).read() {
        locks += try self.locks(below.listing, in: place)
      }
    }
    return locks
  }

  /// Removes listed files and directories below `path`, except those to keep. Anything unlisted is
  /// kept, together with its directories.
  ///
  /// - Parameter listing: on return, the entries that still exist.
  package static func remove(
    _ listing: inout OutputMarker.Listing, in path: String
  ) throws(FileError) {
    let directory = try DirectoryHandle(path)
    for name in listing.files.subtracting(listing.staying ?? []).sorted(
      by: OutputDirectory.isBefore)
    {
      if name.contains("/") {
        guard try isDirectory(path, parent(name)) else { continue }
        try DirectoryHandle(path + "/" + parent(name)).removeFile(last(name))
      } else {
        try directory.removeFile(name)
      }
      listing.files.remove(name)
    }
    // Nested directories come first.
    for name in listing.directories.sorted(by: >) where try clear(path, name) {
      listing.directories.remove(name)
    }
    listing.staying = nil
  }

  /// Empties a directory according to its own marker, and removes it if nothing is left.
  ///
  /// - Returns: whether the directory no longer exists.
  private static func clear(_ path: String, _ name: String) throws(FileError) -> Bool {
    guard try DirectoryHandle.entry(path + "/" + name) != nil else { return true }
    guard try isDirectory(path, name) else { return false }
    let place = path + "/" + name
    let marker = OutputMarker(directory: place)
    if var found = try marker.read() {
      try remove(&found.listing, in: place)
      AtomicFile.removeLeftOvers(in: place)
      let directory = try DirectoryHandle(place)
      guard try directory.names() == [OutputMarker.fileName] else {
        try marker.write(found.kind, found.listing)
        return false
      }
      try directory.removeFile(OutputMarker.fileName)
    }
    return try DirectoryHandle(path + "/" + parent(name)).removeDirectory(last(name))
  }

  /// Whether every component of `name` is a directory and none is a link.
  private static func isDirectory(_ path: String, _ name: String) throws(FileError) -> Bool {
    var place = path
    for part in name.split(separator: "/") {
      place += "/" + part
      guard try DirectoryHandle.entry(place) == .directory else { return false }
    }
    return true
  }

  private static func parent(_ name: String) -> String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
  }

  private static func last(_ name: String) -> String {
    name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name
  }
}
