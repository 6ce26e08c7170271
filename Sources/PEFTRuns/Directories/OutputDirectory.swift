import PEFTTensor

/// A directory into which a command writes its results, and which it knows to be its own.
///
/// Its marker, `.peft.json`, is written before anything else. It names the command that created the
/// directory, and lists every file and directory that this command created in it. A directory that
/// is not empty and has no marker belongs to somebody else, and nothing is written there. In a
/// directory with a marker, everything that the marker does not list belongs to somebody else, and
/// is never replaced or removed. Symbolic links are never followed. Only one process works in the
/// directory at a time, unless it is shared.
public final class OutputDirectory {
  /// The command that created a directory.
  ///
  /// The raw values are stored in the markers of directories.
  public enum Kind: String, CaseIterable, Sendable, CustomStringConvertible {
    /// A training run.
    case run = "train"
    /// The main job: a probe, a plan, a run and the runs that it is compared with.
    case adaptation = "adapt"
    /// A probe.
    case probe
    /// A plan.
    case plan = "select"
    /// A comparison of methods.
    case comparison = "compare"
    /// A suite of comparisons.
    case suite = "compare --suite"
    /// A search for settings.
    case search = "tune"
    /// A cross-validation.
    case folds
    /// A validation of predictors.
    case validation = "validate"
    /// A language model trained from scratch.
    case pretraining = "pretrain"
    /// A merged model, delta or adapter.
    case export
    /// A copy of a model shipped with the command.
    case model = "models"
    /// The data of the quickstart.
    case data = "quickstart"

    /// The contents of the directory, such as "a run".
    public var description: String {
      switch self {
      case .run: "a run"
      case .adaptation: "an adaptation"
      case .probe: "a probe"
      case .plan: "a plan"
      case .comparison: "a comparison"
      case .suite: "a suite"
      case .search: "a search for settings"
      case .folds: "a cross-validation"
      case .validation: "a validation"
      case .pretraining: "a pretraining"
      case .export: "an export"
      case .model: "a model"
      case .data: "example data"
      }
    }
  }

  /// The path, as the caller named it.
  public let path: String
  /// The command that created the directory.
  public private(set) var kind: Kind
  package let marker: OutputMarker
  private(set) var listing: OutputMarker.Listing
  private let lock: DirectoryLock

  /// Opens the directory at `path` for the command `kind`, and creates it if necessary. Existing
  /// contents do not change.
  ///
  /// - Parameters:
  ///   - others: commands whose directories this command may also write into.
  ///   - isShared: whether several processes may work in the directory at once.
  ///   - held: the directory's lock, if the caller already holds it.
  ///   - adopting: called if the directory is not empty and has no marker. It returns the names of
  ///     the files that, by their contents, are known to be the command's own; nil if there are
  ///     none.
  /// - Throws: `storage` if the directory is somebody else's, a symbolic link or not readable, or
  ///   if another process works in it.
  package init(
    _ path: String, as kind: Kind, besides others: Set<Kind> = [], isShared: Bool = false,
    holding held: DirectoryLock? = nil,
    adopting: () throws(FileError) -> [String]? = { () throws(FileError) in nil }
  ) throws(FileError) {
    self.path = path
    if try DirectoryHandle.entry(path) == nil { try DirectoryHandle.create(path) }
    let directory = try DirectoryHandle(path)
    lock = if let held { held } else { try DirectoryLock(path, isShared: isShared) }
    marker = OutputMarker(directory: path)
    let strangers = try directory.names().filter {
      $0 != OutputMarker.fileName && !AtomicFile.isTemporary($0)
    }
    if let found = try marker.read() {
      guard found.kind == kind || others.contains(found.kind) else {
        throw FileError(
          .storage, path: path,
          reason:
            "it holds \(found.kind.description), which other results would spoil",
          remedy: "name another directory with `output`")
      }
      self.kind = found.kind
      listing = found.listing
      // A process was killed while it was removing old results.
      if listing.staying != nil { try finishRemoval() }
    } else {
      self.kind = kind
      listing = OutputMarker.Listing()
      if !strangers.isEmpty {
        guard let known = try adopting() else { throw Self.notEmpty(path, strangers) }
        listing.files = Set(known).intersection(strangers)
      }
    }
    AtomicFile.removeLeftOvers(in: path)
  }

  private static func notEmpty(_ path: String, _ names: [String]) -> FileError {
    FileError(
      .storage, path: path,
      reason:
        "the directory is not empty and has no \(OutputMarker.fileName), so peft did not make it: "
        + "\(names.sorted().prefix(3).joined(separator: ", ")) would be at risk",
      remedy: "name another directory, or an empty one")
  }

  /// Starts afresh. With `overwriting`, everything listed in the marker is removed; otherwise no
  /// listed file may exist.
  ///
  /// - Parameter kept: names to keep, such as influences that are used again.
  /// - Throws: `storage` if listed files exist and `overwriting` is false, or if another process
  ///   works in a directory below; nothing is removed then.
  package func begin(overwriting: Bool, keeping kept: Set<String> = []) throws(FileError) {
    let directory = try DirectoryHandle(path)
    var there: [String] = []
    for name in listing.files.union(listing.directories).subtracting(kept)
    where try directory.entry(name) != nil { there.append(name) }
    if !there.isEmpty {
      guard overwriting else {
        throw FileError(
          .storage, path: path,
          reason: "there is a \(there.min(by: Self.isBefore) ?? "") in it already",
          remedy: "name another directory, or add `overwrite`")
      }
      // If this process is killed during the removal, the next process to open the directory
      // finishes it.
      let locks = try OutputRemoval.locks(listing, in: path)
      defer { withExtendedLifetime(locks) {} }
      listing.staying = kept
      try marker.write(kind, listing)
      try OutputRemoval.remove(&listing, in: path)
    }
    try marker.write(kind, listing)
  }

  private func finishRemoval() throws(FileError) {
    let locks = try OutputRemoval.locks(listing, in: path)
    defer { withExtendedLifetime(locks) {} }
    try OutputRemoval.remove(&listing, in: path)
    try marker.write(kind, listing)
  }

  /// Removes missing files from the list once the command has written everything. A file that later
  /// appears under such a name is then somebody else's.
  package func settle() throws(FileError) {
    let directory = try DirectoryHandle(path)
    var there = Set<String>()
    for name in listing.files where try directory.entry(name) == .file { there.insert(name) }
    let known = listing.files
    guard there != known else { return }
    listing = try marker.change(kind, from: OutputMarker.Listing()) {
      $0.files.formIntersection(there.union($0.files.subtracting(known)))
    }
  }

  /// Turns a directory of another command, one of `besides`, into a directory of this command.
  package func become(_ kind: Kind) throws(FileError) {
    self.kind = kind
    try marker.write(kind, listing)
  }

  /// Adds files to the list before they are written.
  ///
  /// - Parameter names: paths inside the directory; their directories were created by
  ///   `subdirectory`.
  /// - Throws: `storage` if an unlisted file of such a name exists, or if the name is that of a
  ///   link or a directory.
  package func claim(_ names: [String]) throws(FileError) {
    var fresh = Set<String>()
    for name in names {
      let entry = try DirectoryHandle.entry(path + "/" + name)
      if entry != nil, !listing.files.contains(name) { try refresh() }
      if entry == nil {
        if !listing.files.contains(name) { fresh.insert(name) }
      } else if entry != .file || !listing.files.contains(name) {
        throw FileError(
          .storage, path: path + "/" + name,
          reason: entry == .file
            ? "this file was not made by the command, which would replace it"
            : "it is a link or a directory where a file is to be written",
          remedy: "move it away, or name another directory")
      }
    }
    guard !fresh.isEmpty || !marker.isThere else { return }
    try change { $0.files.formUnion(fresh) }
  }

  /// Adds a file to the list and returns the path at which to write it.
  public func file(_ name: String) throws(FileError) -> String {
    try claim([name])
    return path + "/" + name
  }

  /// Removes listed files in the given order; missing files are ignored.
  package func remove(_ names: [String]) throws(FileError) {
    let directory = try DirectoryHandle(path)
    for name in names where listing.files.contains(name) { try directory.removeFile(name) }
  }

  /// A listed file or directory that exists; nil if there is none.
  package func listed() throws(FileError) -> String? {
    for name in listing.files.union(listing.directories).sorted(by: Self.isBefore)
    where try DirectoryHandle.entry(path + "/" + name) != nil { return name }
    return nil
  }

  /// The listed files whose names satisfy `isMeant`.
  package func files(where isMeant: (String) -> Bool) -> [String] {
    listing.files.filter(isMeant).sorted()
  }

  /// Whether a file of this name exists.
  package func has(_ name: String) throws(FileError) -> Bool {
    try DirectoryHandle.entry(path + "/" + name) == .file
  }

  /// A directory inside this one for a command's results. Missing directories on the path to it are
  /// created and listed too.
  ///
  /// - Throws: `storage` if something unlisted has such a name.
  package func subdirectory(_ name: String, as kind: Kind) throws(FileError) -> OutputDirectory {
    try makeDirectories(name)
    return try OutputDirectory(path + "/" + name, as: kind)
  }

  /// A directory inside this one in which other processes may work. Waits until none does; returns
  /// nil if `shouldStop` ended the wait.
  package func subdirectory(
    _ name: String, as kind: Kind, waitingUnless shouldStop: () -> Bool
  ) throws(FileError) -> OutputDirectory? {
    try makeDirectories(name)
    guard let lock = try DirectoryLock.wait(path + "/" + name, shouldStop: shouldStop) else {
      return nil
    }
    return try OutputDirectory(path + "/" + name, as: kind, holding: lock)
  }

  /// Claims the work that the directory `name` inside this one stands for. The claim ends with the
  /// lock that is returned, or with the process.
  ///
  /// - Returns: nil if another process has claimed it.
  package func claim(work name: String) throws(FileError) -> DirectoryLock? {
    try makeDirectories(name)
    return try DirectoryLock.attempt(path + "/" + name)
  }

  /// Creates and lists the missing directories on the path `name` inside this one.
  ///
  /// - Throws: `storage` if something unlisted has such a name.
  package func makeDirectories(_ name: String) throws(FileError) {
    guard OutputMarker.isInside(name) else {
      throw FileError(
        .storage, path: path + "/" + name, reason: "it is not inside the directory",
        remedy: "use names without \"..\" and empty parts")
    }
    var place = ""
    for part in name.split(separator: "/") {
      place += (place.isEmpty ? "" : "/") + part
      let entry = try DirectoryHandle.entry(path + "/" + place)
      if entry != nil, !listing.directories.contains(place) { try refresh() }
      guard listing.directories.contains(place) ? entry == .directory || entry == nil : entry == nil
      else {
        throw FileError(
          .storage, path: path + "/" + place, reason: "it was not made by the command",
          remedy: "move it away, or name another directory")
      }
      let added = place
      if !listing.directories.contains(added) { try change { $0.directories.insert(added) } }
      try DirectoryHandle.create(path + "/" + place)
    }
  }

  /// Adds the entries that other processes have added to the list on disk.
  private func refresh() throws(FileError) {
    guard let found = try marker.read() else { return }
    listing.files.formUnion(found.listing.files)
    listing.directories.formUnion(found.listing.directories)
  }

  /// Adds a file written by another command to the list of the directory that contains it, if that
  /// directory has a marker.
  package static func list(_ name: String, in directory: String) throws(FileError) {
    let marker = OutputMarker(directory: directory)
    guard let found = try marker.read(), !found.listing.files.contains(name) else { return }
    _ = try marker.change(found.kind, from: found.listing) { $0.files.insert(name) }
  }

  /// Changes the list on disk, keeping the changes of other processes if the directory is shared.
  private func change(_ edit: (inout OutputMarker.Listing) -> Void) throws(FileError) {
    listing = try marker.change(kind, from: listing, edit)
  }

  /// The sort order of names: the file that best shows what a directory contains comes first.
  package static func isBefore(_ one: String, _ other: String) -> Bool {
    func rank(_ name: String) -> Int {
      OutputRemoval.manifests.firstIndex(of: name) ?? OutputRemoval.manifests.count
    }
    return (rank(one), one) < (rank(other), other)
  }
}
