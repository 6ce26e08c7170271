extension JSONValue {
  /// Reads a regular file that holds one document. A syntax error names line and column.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`; `malformed`.
  public init(contentsOf path: String) throws(FileError) {
    try self.init(parsing: FileContents.read(regularFile: path), path: path)
  }

  /// Parses one document that came from the file at `path`, which errors name.
  public init(parsing bytes: [UInt8], path: String) throws(FileError) {
    do throws(JSONSyntaxError) {
      try self.init(parsing: bytes)
    } catch {
      throw FileError(
        .malformed, path: path, place: error.place, reason: error.reason,
        remedy: "correct the file, or use the one it was made from")
    }
  }
}
