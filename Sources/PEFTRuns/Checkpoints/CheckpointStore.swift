import Foundation
import PEFTModels
import PEFTTensor
import PEFTTrain

/// The states of a run on disk: each in a file of its own, `checkpoint-STEP.safetensors`, and
/// `checkpoint.json`, which names the last two with their SHA-256 and is written after them.
///
/// At any moment the manifest names a state that is whole. A state file that it does not name is
/// left over from a process that was killed, and goes with the next one that is written.
public struct CheckpointStore {
  /// The name of the manifest.
  public static let manifestName = "checkpoint.json"
  private static let formatVersion = 1
  private static let kept = 2

  /// The directory of the run.
  public let directory: String
  /// Everything that distinguishes this run: settings and digests of its inputs, not paths.
  package let recipe: JSONObject
  private var entries: [Entry] = []

  fileprivate struct Entry {
    let file: String
    let digest: String
    let step: Int
    let marks: [String: RunTable.Mark]
  }

  /// A state that was saved, and how far the run's tables had grown.
  public struct Saved {
    /// The state.
    public let state: TrainingState
    let marks: [String: RunTable.Mark]
    /// What the user should know; nil where all is well.
    public let warning: String?
  }

  /// A store without a state.
  package init(directory: String, recipe: JSONObject) {
    self.directory = directory
    self.recipe = recipe
  }

  /// The store in a directory, nil where there is none.
  ///
  /// Throws `malformed` where it belongs to a run of another recipe, and names what differs.
  public static func open(
    _ directory: String, recipe: JSONObject
  ) throws(FileError) -> CheckpointStore? {
    let path = directory + "/" + manifestName
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let document = try JSONValue(contentsOf: path)
    guard document["format"]?.integer == formatVersion, let found = document["recipe"]?.object,
      let states = document["states"]?.array
    else {
      throw FileError(
        .malformed, path: path, reason: "not a manifest of checkpoints of this version",
        remedy: "begin again with `overwrite`")
    }
    try Recipe.check(found, is: recipe, path: path)
    var store = CheckpointStore(directory: directory, recipe: recipe)
    store.entries = states.compactMap(Entry.init)
    guard store.entries.count == states.count, !states.isEmpty else {
      throw FileError(
        .malformed, path: path, place: "states", reason: "a state is not described",
        remedy: "begin again with `overwrite`")
    }
    return store
  }

  /// The steps done by the newest state; 0 without one.
  public var stepsDone: Int { entries.first?.step ?? 0 }

  /// Reads the newest state of `model` that is whole.
  ///
  /// Throws `malformed` where there is none, or where it is one beyond the end of a run of
  /// `plannedSteps` steps.
  public mutating func load(
    for model: TransformerModel, plannedSteps: Int
  ) throws(FileError) -> Saved {
    var damage: [String] = []
    for entry in entries {
      let path = directory + "/" + entry.file
      let digest: String? = try? Fingerprint.file(path)
      guard digest == entry.digest else {
        damage.append(
          "\(path): " + (digest == nil ? "it is missing" : "its SHA-256 is not the one it had"))
        continue
      }
      let state = try TrainingCheckpoint.load(path, of: model)
      guard state.step == entry.step, state.step <= plannedSteps else {
        throw FileError(
          .malformed, path: path,
          reason: state.step == entry.step
            ? "it is a state after step \(state.step), and the run has \(plannedSteps) steps"
            : "it is a state after step \(state.step), and \(Self.manifestName) says step "
              + "\(entry.step)",
          remedy: "restore the files, or begin again with `overwrite`")
      }
      // A damaged one is not kept instead of one that is whole.
      entries = entries.filter { $0.step <= entry.step }
      return Saved(
        state: state, marks: entry.marks,
        warning: damage.isEmpty
          ? nil : damage.joined(separator: "; ") + "; resuming from step \(entry.step)")
    }
    throw FileError(
      .malformed, path: directory + "/" + Self.manifestName, reason: damage.joined(separator: "; "),
      remedy: "restore the files, or begin again with `overwrite`")
  }

  /// The names of the files that it is known to have in its directory: manifest, tables, and
  /// states, of which a process that was killed may have left one that the manifest does not name.
  package var fileNames: [String] {
    get throws(FileError) {
      [Self.manifestName] + entries.flatMap(\.marks.keys)
        + (try DirectoryHandle(directory).names().filter(Self.isState))
    }
  }

  /// Saves a state; all but it and the one before go.
  package mutating func save(
    _ state: TrainingState, of model: TransformerModel, marks: [String: RunTable.Mark] = [:],
    into output: OutputDirectory
  ) throws(FileError) {
    let file = Self.fileName(step: state.step)
    try output.claim([Self.manifestName, file])
    let path = output.path + "/" + file
    try TrainingCheckpoint.save(state, of: model, to: path)
    let entry = Entry(
      file: file, digest: try Fingerprint.file(path), step: state.step, marks: marks)
    entries = Array(([entry] + entries.filter { $0.file != file }).prefix(Self.kept))
    try JSONFile.write(
      .object([
        "format": .integer(Self.formatVersion), "recipe": .object(recipe),
        "states": .array(entries.map(\.json)),
      ]), to: output.path + "/" + Self.manifestName)
    let kept = Set(entries.map(\.file))
    try output.remove(output.files { Self.isState($0) && !kept.contains($0) })
  }

  /// Removes manifest and states, the manifest first.
  package static func remove(from output: OutputDirectory) throws(FileError) {
    try output.remove([manifestName] + output.files(where: isState))
  }

  /// Whether a file of this name holds a state.
  package static func isState(_ name: String) -> Bool {
    name.wholeMatch(of: /checkpoint-[0-9]+\.safetensors/) != nil
  }

  private static func fileName(step: Int) -> String { "checkpoint-\(step).safetensors" }
}

extension CheckpointStore.Entry {
  fileprivate init?(_ json: JSONValue) {
    guard let file = json["file"]?.string, !file.contains("/"), let digest = json["sha256"]?.string,
      let step = json["step"]?.integer, (0...CheckedNumbers.largestCount).contains(step)
    else { return nil }
    var marks: [String: RunTable.Mark] = [:]
    for (name, mark) in json["tables"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      guard let bytes = mark["bytes"]?.integer,
        (0...CheckedNumbers.largestCount).contains(bytes), let digest = mark["sha256"]?.string
      else { return nil }
      marks[name] = RunTable.Mark(byteCount: bytes, digest: digest)
    }
    self.init(file: file, digest: digest, step: step, marks: marks)
  }

  fileprivate var json: JSONValue {
    var tables = JSONObject()
    for (name, mark) in marks.sorted(by: { $0.key < $1.key }) {
      tables[name] = .object([
        "bytes": .integer(mark.byteCount), "sha256": .string(mark.digest),
      ])
    }
    return .object([
      "file": .string(file), "sha256": .string(digest), "step": .integer(step),
      "tables": .object(tables),
    ])
  }
}
