import PEFTTensor

/// The files of a state, verified against their recorded digests, and the state's numbers in the
/// manifest.
public struct CheckpointFiles {
  static let remedy = "restore the files, or begin again with `overwrite`"

  /// The numbers in the manifest.
  package let numbers: CheckedNumbers
  private let readers: [String: SafetensorsReader]

  /// Opens the files of an entry of the manifest at `path`.
  init(
    _ entry: CheckpointEntry, in directory: String, manifest path: String, place: String
  ) throws(FileError) {
    numbers = CheckedNumbers(
      .object(entry.numbers), path: path, place: place, remedy: Self.remedy)
    var readers: [String: SafetensorsReader] = [:]
    for file in entry.files.keys {
      guard let part = CheckpointPart.name(of: file) else { continue }
      readers[part] = try SafetensorsReader(path: directory + "/" + file)
    }
    self.readers = readers
  }

  /// The file of a part; `part` must be one of the state's `partNames`.
  public subscript(part: String) -> SafetensorsReader {
    guard let reader = readers[part] else {
      preconditionFailure("CheckpointFiles: a state has no part \(part)")
    }
    return reader
  }

  /// The tensors `PREFIX.NAME` of a part, by name.
  ///
  /// Throws `malformed` if one is missing or has a shape other than `shapes` requires.
  package func tensors(
    _ prefix: String, _ shapes: [(name: String, shape: Shape)], in part: String
  ) throws(FileError) -> [String: Tensor] {
    let reader = self[part]
    var result: [String: Tensor] = [:]
    for (name, shape) in shapes {
      let full = "\(prefix).\(name)"
      guard reader.entry(full)?.shape == shape.extents else {
        throw malformed(part, at: full, "the tensor is missing or has another shape")
      }
      result[name] = Tensor(try reader.floats(of: full), shape: shape)
    }
    return result
  }

  /// The error for a file that no job could have written.
  package func malformed(_ part: String, at place: String = "", _ reason: String) -> FileError {
    FileError(
      .malformed, path: self[part].path, place: place, reason: reason, remedy: Self.remedy)
  }
}

/// A state as recorded in the manifest.
struct CheckpointEntry {
  /// The SHA-256 of the state's files by name.
  let files: [String: String]
  /// The other numbers of the state in the manifest.
  let numbers: JSONObject
  /// The lengths of the job's tables at this state.
  let marks: [String: RunTable.Mark]
}

extension CheckpointEntry {
  /// The entry recorded in a manifest; nil if it is not the entry of a state with these parts.
  ///
  /// A manifest of version 1 has `file` and `sha256` in place of `files` for a state with a single
  /// file.
  init?(_ json: JSONValue, parts: [String]) {
    guard var numbers = json.object else { return nil }
    var files: [String: String] = [:]
    if let file = json["file"]?.string { files[file] = json["sha256"]?.string }
    for (file, digest) in json["files"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      files[file] = digest.string
    }
    guard files.keys.compactMap(CheckpointPart.name).sorted() == parts.sorted(),
      files.count == parts.count
    else { return nil }
    var marks: [String: RunTable.Mark] = [:]
    for (name, mark) in json["tables"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      guard let bytes = mark["bytes"]?.integer,
        (0...CheckedNumbers.largestCount).contains(bytes), let digest = mark["sha256"]?.string
      else { return nil }
      marks[name] = RunTable.Mark(byteCount: bytes, digest: digest)
    }
    for key in ["format", "recipe", "file", "sha256", "files", "tables"] { numbers[key] = nil }
    self.init(files: files, numbers: numbers, marks: marks)
  }

  var json: JSONValue {
    var (entry, files, tables) = (numbers, JSONObject(), JSONObject())
    for (name, digest) in self.files.sorted(by: { $0.key < $1.key }) {
      files[name] = .string(digest)
    }
    for (name, mark) in marks.sorted(by: { $0.key < $1.key }) {
      tables[name] = .object([
        "bytes": .integer(mark.byteCount), "sha256": .string(mark.digest),
      ])
    }
    entry["files"] = .object(files)
    if tables.count > 0 { entry["tables"] = .object(tables) }
    return .object(entry)
  }
}
