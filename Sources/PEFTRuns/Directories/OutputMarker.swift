import PEFTTensor

/// The marker `.peft.json` of an output directory: the command that created the directory, and what
/// it created there.
package struct OutputMarker {
  /// The file's name.
  package static let fileName = ".peft.json"
  private static let formatVersion = 1
  /// The largest number of names in a list.
  private static let nameLimit = 1_000_000

  /// The files and directories that a command created in a directory, by paths inside it.
  package struct Listing: Hashable {
    /// The files.
    package var files: Set<String> = []
    /// The directories; those with a marker of their own list their files there.
    package var directories: Set<String> = []
    /// During a removal of all listed names, the names to keep; nil at any other time.
    package var staying: Set<String>?
  }

  /// The directory of the marker.
  package let directory: String

  /// The marker of `directory`, which need not exist.
  package init(directory: String) { self.directory = directory }

  private var path: String { directory + "/" + Self.fileName }

  /// Whether the marker exists.
  package var isThere: Bool { (try? DirectoryHandle.entry(path)) == .file }

  /// The content of the marker; nil if it does not exist.
  ///
  /// Errors: `malformed` for anything that `write` could not have written, such as a path that
  /// leads out of the directory.
  package func read() throws(FileError) -> (kind: OutputDirectory.Kind, listing: Listing)? {
    switch try DirectoryHandle.entry(path) {
    case nil: return nil
    case .file: break
    default: throw malformed("not a regular file")
    }
    let (document, isSealed) = try SealedFile.read(path, named: Self.fileName)
    guard isSealed, document["format"]?.integer == Self.formatVersion,
      let kind = document["command"]?.string.flatMap(OutputDirectory.Kind.init(rawValue:)),
      let files = Self.names(document["made"]),
      let directories = Self.names(document["madeDirectories"])
    else { throw malformed("not a marker of this version") }
    let staying = Self.names(document["staying"])
    return (kind, Listing(files: files, directories: directories, staying: staying))
  }

  private func malformed(_ reason: String) -> FileError {
    FileError(
      .malformed, path: path, reason: reason,
      remedy: "name another directory, or remove this one yourself")
  }

  private static func names(_ json: JSONValue?) -> Set<String>? {
    guard let names = json?.array?.compactMap(\.string), names.count == json?.array?.count,
      names.count <= nameLimit, names.allSatisfy(isInside)
    else { return nil }
    return Set(names)
  }

  /// Whether a path stays inside its directory.
  package static func isInside(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." } && !name.utf8.contains(0)
  }

  /// Writes the marker.
  package func write(_ kind: OutputDirectory.Kind, _ listing: Listing) throws(FileError) {
    try AtomicFile.write(Self.bytes(kind, listing), to: path)
  }

  private static func bytes(_ kind: OutputDirectory.Kind, _ listing: Listing) -> [UInt8] {
    func names(_ set: Set<String>) -> JSONValue { .array(set.sorted().map { .string($0) }) }
    var document: JSONObject = [
      "format": .integer(formatVersion), "command": .string(kind.rawValue),
      "made": names(listing.files), "madeDirectories": names(listing.directories),
    ]
    document["staying"] = listing.staying.map(names)
    return SealedFile.bytes(document, named: fileName)
  }

  /// Changes the list, and keeps entries that other processes have added in the meantime.
  ///
  /// - Returns: the resulting list.
  package func change(
    _ kind: OutputDirectory.Kind, from known: Listing, _ edit: (inout Listing) -> Void
  ) throws(FileError) -> Listing {
    // The lock is on the file itself, which every writer replaces. After locking, check that the
    // file is still the one in place.
    while true {
      if isThere {
        guard let lock = try FileLock(path) else { continue }
        defer { withExtendedLifetime(lock) {} }
        guard let found = try read() else { continue }
        var listing = found.listing
        listing.files.formUnion(known.files)
        listing.directories.formUnion(known.directories)
        edit(&listing)
        try write(kind, listing)
        return listing
      }
      var listing = known
      edit(&listing)
      if try AtomicFile.create(Self.bytes(kind, listing), at: path) { return listing }
    }
  }
}
