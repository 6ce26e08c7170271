/// Named files of a directory, each opened and read once, so that results and digests come from the
/// same bytes.
///
/// Replacing a file at its path in the meantime has no effect. An error in a file is thrown when
/// that file is requested.
public struct SmallFiles: Sendable {
  /// The directory, as the caller named it.
  public let directory: String
  /// The requested names, in the caller's order.
  public let names: [String]
  private let contents: [String: Result<[UInt8], FileError>]

  /// Reads the files called `names` that exist in `directory`.
  ///
  /// - Parameter limit: the largest size of each file, in bytes.
  public init(directory: String, names: [String], limit: (_ name: String) -> Int) {
    self.directory = directory
    self.names = names
    var contents: [String: Result<[UInt8], FileError>] = [:]
    for name in names {
      let file = Result { () throws(FileError) in
        try FileContents.read(regularFile: directory + "/" + name, limit: limit(name))
      }
      contents[name] = file
    }
    self.contents = contents
  }

  /// The path of the file `name`.
  public func path(_ name: String) -> String { directory + "/" + name }

  /// Whether the file `name`, one of the requested names, exists.
  public func has(_ name: String) -> Bool {
    if case .failure(let error) = contents[name] { return error.kind != .notFound }
    return contents[name] != nil
  }

  /// The bytes of the file `name`, one of the requested names; nil if it does not exist.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func bytes(_ name: String) throws(FileError) -> [UInt8]? {
    has(name) ? try contents[name]?.get() : nil
  }

  /// The bytes of the file `name`, one of the requested names, which must exist.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func existing(_ name: String) throws(FileError) -> [UInt8] {
    guard let file = contents[name] else {
      preconditionFailure("SmallFiles.existing: \(name) is not one of \(names)")
    }
    return try file.get()
  }

  /// The JSON document in the file `name`, one of the requested names; nil if it does not exist.
  ///
  /// Errors: those of `bytes` and of `JSONValue.init(parsing:path:)`.
  public func document(_ name: String) throws(FileError) -> JSONValue? {
    guard let bytes = try bytes(name) else { return nil }
    return try JSONValue(parsing: bytes, path: path(name))
  }

  /// The SHA-256 of each existing file by name, in hexadecimal.
  ///
  /// Errors: those of `bytes`.
  public func digests() throws(FileError) -> [String: String] {
    var digests: [String: String] = [:]
    for name in names {
      guard let bytes = try bytes(name) else { continue }
      var hash = SHA256()
      hash.append(bytes)
      digests[name] = hash.hexadecimal
    }
    return digests
  }
}
