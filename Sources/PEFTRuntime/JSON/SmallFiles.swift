/// Named files of a directory, each opened and read once, so that what is computed with them is
/// what their digests are of.
///
/// Files that take their place at the same paths meanwhile do not count. What is wrong with a file
/// is an error of whoever asks for it.
public struct SmallFiles: Sendable {
  /// The directory, as the caller named it.
  public let directory: String
  /// The names that were looked for, in the caller's order.
  public let names: [String]
  private let contents: [String: Result<[UInt8], FileError>]

  /// Reads the files called `names` that are in `directory`.
  ///
  /// - Parameter limit: the most bytes that each of them may have.
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

  /// Whether the file `name`, of those that were looked for, is there.
  public func has(_ name: String) -> Bool {
    if case .failure(let error) = contents[name] { return error.kind != .notFound }
    return contents[name] != nil
  }

  /// The bytes of the file `name`, of those that were looked for; nil where it is not there.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func bytes(_ name: String) throws(FileError) -> [UInt8]? {
    has(name) ? try contents[name]?.get() : nil
  }

  /// The bytes of the file `name`, one of those that were looked for.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func existing(_ name: String) throws(FileError) -> [UInt8] {
    guard let file = contents[name] else {
      preconditionFailure("SmallFiles.existing: \(name) is not one of \(names)")
    }
    return try file.get()
  }

  /// The JSON document in the file `name`, of those that were looked for; nil where it is not
  /// there.
  ///
  /// Errors: those of `bytes` and of `JSONValue.init(parsing:path:)`.
  public func document(_ name: String) throws(FileError) -> JSONValue? {
    guard let bytes = try bytes(name) else { return nil }
    return try JSONValue(parsing: bytes, path: path(name))
  }

  /// SHA-256 by name of the files that are there, in hexadecimal.
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
