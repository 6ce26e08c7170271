import PEFTTensor

/// Removes what a marker lists, and nothing else.
package enum OutputRemoval {
  /// Files that make a directory a result: they go first, so that a half-removed one is
  /// never taken for whole.
  package static let manifests = [
    "run.json", "comparison.json", "plan.json", "influence.json", "suite.json",
    "validation.json", "pretraining.json", "config.json", "adapter_config.json",
    "checkpoint.json", "probe-checkpoint.json",
  ]

  /// Removes the directory at `path` with all that its marker lists. Where anything else is in
  /// it, it stays with that.
  ///
  /// - Parameter isLocked: whether the caller keeps other processes out of it.
  /// - Throws: `storage` where another process works in it.
  package static func removeAll(_ path: String, isLocked: Bool = false) throws(FileError) {
    guard try DirectoryHandle.entry(path) == .directory else { return }
    let lock = isLocked ? nil : try DirectoryLock(path)
    defer { withExtendedLifetime(lock) {} }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    AtomicFile.removeLeftOvers(in: path)
    _ = try clear(String(path[..<slash]), String(path[slash...].dropFirst()))
  }

  /// The locks of the listed directories, and of the ones that their markers list.
  ///
  /// - Throws: `storage` where another process works in one of them.
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

  /// Removes listed files and directories below `path`, but for those that stay. What is not listed
  /// stays, and with it the directories it is in.
  ///
  /// - Parameter listing: has what is left when this returns.
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
    // Those inside another come first.
    for name in listing.directories.sorted(by: >) where try clear(path, name) {
      listing.directories.remove(name)
    }
    listing.staying = nil
  }

  /// Empties a directory by its own marker and removes it if nothing is left.
  ///
  /// - Returns: whether it is gone.
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

  /// Whether every part of `name` is a directory and none is a link.
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
