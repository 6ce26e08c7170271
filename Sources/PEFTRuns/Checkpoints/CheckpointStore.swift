import PEFTTensor

/// The last two states of a job on disk, with a manifest that lists their files and SHA-256.
///
/// The manifest is written after the files, so at any moment it names complete states. A state file
/// that it does not name was left by a killed process, and the next `save` removes it.
public struct CheckpointStore<State: CheckpointState> {
  private static var formatVersion: Int { 2 }
  private static var keptCount: Int { 2 }

  /// The directory of the job.
  public let directory: String
  /// Everything that distinguishes this job: settings and digests of its inputs, but no paths.
  package let recipe: JSONObject
  /// The version of the manifest that was read.
  private var format = Self.formatVersion
  /// The states that can be read, newest first.
  private var entries: [CheckpointEntry] = []
  /// The files of the newest state with their digests. A file's name determines its content.
  private var known: [String: String] = [:]

  /// A state read from disk.
  public struct Saved {
    /// The state.
    public let state: State
    /// The lengths of the job's tables at this state.
    package let marks: [String: RunTable.Mark]
    /// A warning for the user; nil if no state was damaged.
    public let warning: String?
  }

  /// Creates an empty store.
  package init(directory: String, recipe: JSONObject) {
    self.directory = directory
    self.recipe = recipe
  }

  /// The store in a directory; nil if there is no manifest.
  ///
  /// Throws `malformed` if the states belong to another recipe, naming the first difference, or if
  /// the manifest is invalid; `unsupported` for a manifest of a later version.
  public static func open(
    _ directory: String, recipe: JSONObject
  ) throws(FileError) -> CheckpointStore? {
    guard let found = try read(directory) else { return nil }
    try Recipe.check(found.recipe, is: recipe, path: found.path)
    var store = CheckpointStore(directory: directory, recipe: recipe)
    (store.format, store.entries) = (found.format, found.entries)
    return store
  }

  private var path: String { directory + "/" + State.manifestName }

  private static func read(_ directory: String) throws(FileError) -> CheckpointStore? {
    let path = directory + "/" + State.manifestName
    guard try DirectoryHandle.entry(path) == .file else { return nil }
    let document = try JSONValue(contentsOf: path)
    func malformed(_ place: String, _ reason: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: reason, remedy: CheckpointFiles.remedy)
    }
    guard let format = document["format"]?.integer, let recipe = document["recipe"]?.object else {
      throw malformed("", "not a manifest of checkpoints")
    }
    guard (1...formatVersion).contains(format) else {
      throw FileError(
        .unsupported, path: path, place: "format",
        reason: "a manifest of version \(format), and this is version \(formatVersion)",
        remedy: "use the version of peft that wrote it, or begin again with `overwrite`")
    }
    var store = CheckpointStore(directory: directory, recipe: recipe)
    store.format = format
    // In version 1, the manifest of a probe was itself the entry of its only state.
    for state in document["states"]?.array ?? [document] {
      guard let entry = CheckpointEntry(state, parts: State.partNames) else {
        throw malformed("states", "the state \(store.entries.count + 1) is not described")
      }
      store.entries.append(entry)
    }
    guard !store.entries.isEmpty else { throw malformed("states", "there is no state") }
    return store
  }

  /// Reads the newest state whose files are intact.
  ///
  /// Throws `malformed` if no state is intact, and the errors of the state's own reader.
  public mutating func load(for subject: State.Subject) throws(FileError) -> Saved {
    var damage: [String] = []
    for (index, entry) in entries.enumerated() {
      let faults = try faults(of: entry)
      damage += faults.filter { !damage.contains($0) }
      guard faults.isEmpty else { continue }
      let state = try State(
        from: CheckpointFiles(
          entry, in: directory, manifest: path, place: "states.\(index)"), for: subject)
      // A damaged state must not be kept in place of an intact one.
      entries.removeFirst(index)
      if format == Self.formatVersion { known = entry.files }
      return Saved(
        state: state, marks: entry.marks,
        warning: damage.isEmpty
          ? nil : damage.joined(separator: "; ") + "; resuming from \(state.progress)")
    }
    throw FileError(
      .malformed, path: path, reason: damage.joined(separator: "; "),
      remedy: CheckpointFiles.remedy)
  }

  /// What is wrong with the files of a state. Throws `storage` if the system cannot tell.
  private func faults(of entry: CheckpointEntry) throws(FileError) -> [String] {
    var faults: [String] = []
    for (name, wanted) in entry.files.sorted(by: { $0.key < $1.key }) {
      let path = directory + "/" + name
      do throws(FileError) {
        if try Fingerprint.file(path) != wanted {
          faults.append("\(path): its SHA-256 is not the one it had")
        }
      } catch {
        if error.kind == .storage { throw error }
        faults.append(
          "\(path): " + (error.kind == .notFound ? "it is missing" : error.reason))
      }
    }
    return faults
  }

  /// Saves a state, and removes all states except this one and the one before it.
  ///
  /// - Parameter marks: the lengths of the job's tables, by table name.
  package mutating func save(
    _ state: State, marks: [String: RunTable.Mark] = [:], into output: OutputDirectory
  ) throws(FileError) {
    let parts = state.parts
    try output.claim([State.manifestName] + parts.map(\.file))
    var files: [String: String] = [:]
    for part in parts {
      if let digest = known[part.file] {
        files[part.file] = digest
      } else {
        let path = directory + "/" + part.file
        try SafetensorsWriter.write(part.tensors, metadata: part.metadata, to: path)
        files[part.file] = try Fingerprint.file(path)
      }
    }
    // A state is lost if one of its files has been overwritten.
    let others = entries.filter { entry in
      entry.files != files && entry.files.allSatisfy { files[$0.key] ?? $0.value == $0.value }
    }
    let entry = CheckpointEntry(files: files, numbers: state.numbers, marks: marks)
    entries = Array(([entry] + others).prefix(Self.keptCount))
    try JSONFile.write(
      .object([
        "format": .integer(Self.formatVersion), "recipe": .object(recipe),
        "states": .array(entries.map(\.json)),
      ]), to: path)
    known = files
    let kept = Set([State.manifestName] + entries.flatMap(\.files.keys))
    try output.remove(output.files { Self.isOwn($0) && !kept.contains($0) })
  }

  /// Whether a file of this name is the manifest or belongs to a state.
  package static func isOwn(_ name: String) -> Bool {
    name == State.manifestName
      || CheckpointPart.name(of: name).map(State.partNames.contains) == true
  }

  /// The names of the manifest and the state files in a directory without a marker, written by an
  /// earlier version; nil if there is no manifest.
  ///
  /// Throws the errors of `open`, but does not check the recipe.
  package static func fileNames(in directory: String) throws(FileError) -> [String]? {
    try read(directory) == nil ? nil : DirectoryHandle(directory).names().filter(isOwn)
  }

  /// Removes the manifest and the states, the manifest first.
  public static func remove(from output: OutputDirectory) throws(FileError) {
    try output.remove([State.manifestName] + output.files(where: isOwn))
    try output.settle()
  }

  /// Removes the states left by a process that was killed after its job had ended.
  package static func tidy(
    _ path: String, as kind: OutputDirectory.Kind, besides others: Set<OutputDirectory.Kind> = []
  ) throws(FileError) {
    // A directory in which another process works is left alone.
    guard OutputMarker(directory: path).isThere,
      let output = try? OutputDirectory(path, as: kind, besides: others)
    else { return }
    try remove(from: output)
  }
}
