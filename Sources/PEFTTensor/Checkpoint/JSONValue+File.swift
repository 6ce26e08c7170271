extension JSONValue {
  /// Reads a file that holds one document. A syntax error names line and column.
  public init(contentsOf path: String) throws(FileError) {
    let bytes = try FileContents.read(path)
    do {
      self = try JSONValue(parsing: bytes)
    } catch {
      throw FileError(
        .malformed, path: path, place: "line \(error.line), column \(error.column)",
        reason: error.reason, remedy: "correct the file, or use the one it was made from")
    }
  }
}
