extension JSONValue {
  /// The largest configuration file that is read, in bytes: 64 MiB.
  public static let configurationLimit = 1 << 26
  /// The largest document that is read, in bytes: 256 MiB.
  public static let documentLimit = 1 << 28

  /// Reads a regular file that contains one document of at most `limit` bytes. A syntax error names
  /// the line and column.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)` and of `init(parsing:path:)`.
  public init(contentsOf path: String, limit: Int = documentLimit) throws(FileError) {
    try self.init(parsing: FileContents.read(regularFile: path, limit: limit), path: path)
  }

  /// Parses one document that came from the file at `path`, which error messages name.
  ///
  /// Errors: `malformed`; `unsupported` for a document whose values need too much memory, see
  /// `init(parsing:)`.
  public init(parsing bytes: [UInt8], path: String) throws(FileError) {
    do throws(JSONSyntaxError) {
      try self.init(parsing: bytes)
    } catch {
      throw FileError(error, path: path)
    }
  }
}

extension FileError {
  /// The file error for `error` in the file at `path`; `part` names the part of the file that is
  /// JSON.
  package init(_ error: JSONSyntaxError, path: String, part: String = "") {
    self.init(
      error.isTooLarge ? .unsupported : .malformed, path: path, place: part + error.place,
      reason: error.reason, remedy: "correct the file, or use the one it was made from")
  }
}
