import PEFTTensor

/// JSON documents in files.
public enum JSONFile {
  /// Reads and parses a file.
  public static func read(_ path: String) throws(FileError) -> JSONValue {
    let bytes = try FileContents.read(path)
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw FileError(
        .malformed, path: path, place: "line \(error.line), column \(error.column)",
        reason: error.reason, remedy: "correct the file or make it again")
    }
  }

  /// Writes a document, whole or not at all.
  public static func write(_ document: JSONValue, to path: String) throws(FileError) {
    try AtomicFile.write(Array((document.text(pretty: true) + "\n").utf8), to: path)
  }
}
