/// The index of a checkpoint that is split into several safetensors files,
/// `model.safetensors.index.json`.
struct SafetensorsIndex {
  /// The names of the files, without duplicates, in the order of first mention.
  let shardNames: [String]

  /// Parses the index at `path`: `{"weight_map": {tensor: file}}`.
  ///
  /// Errors: those of `FileContents.read`; `malformed`, also if a file name points outside the
  /// directory of the index.
  init(path: String) throws(FileError) {
    let document = try JSONValue(contentsOf: path, limit: JSONValue.configurationLimit)
    guard let members = document["weight_map"]?.object, members.count > 0 else {
      throw FileError(
        .malformed, path: path, place: "weight_map", reason: "missing, empty or not a JSON object")
    }
    var shardNames: [String] = []
    var seen: Set<UTF8Key> = []
    for (tensor, value) in members.members {
      guard let shard = value.string, Self.isPlainFileName(shard) else {
        throw FileError(
          .malformed, path: path, place: "weight_map, tensor \"\(tensor)\"",
          reason: "its file is not a plain name of a file in the same directory")
      }
      if seen.insert(UTF8Key(shard)).inserted { shardNames.append(shard) }
    }
    self.shardNames = shardNames
  }

  private static func isPlainFileName(_ name: String) -> Bool {
    !["", ".", ".."].contains(name) && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }
}
