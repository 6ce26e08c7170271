import PEFTTensor

/// The files of a model directory, each opened once, so that what is computed with is what the
/// digests are of.
///
/// The configuration and the tokenizer's files are read when this is made; the weights stay open,
/// and are read and hashed through that one opening. Files that take their place at the same paths
/// meanwhile do not count. What is wrong with a file is an error of whoever asks for it.
public struct ModelFiles: Sendable {
  /// The directory, as the caller named it.
  public let directory: String
  private let contents: [String: Result<[UInt8], FileError>]
  private let checkpoint: Result<SafetensorsCollection, FileError>

  /// The name of the model's configuration.
  public static let configurationName = "config.json"

  /// The name of settings beside a tokenizer's tables.
  public static let tokenizerSettingsName = "tokenizer_config.json"

  /// The names of the files from which tokenizers are made, here or elsewhere.
  public static let tokenizerNames = [
    "tokenizer.json", tokenizerSettingsName, "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "vocab.txt",
  ]

  /// Settings of texts that are written; nothing here reads them.
  public static let generationName = "generation_config.json"

  /// The largest table of tokens that is read, in bytes: 512 MiB.
  private static let tableLimit = 1 << 29

  /// Opens the files that are in `directory`.
  public init(directory: String) {
    self.directory = directory
    var contents: [String: Result<[UInt8], FileError>] = [:]
    for name in [Self.configurationName, Self.generationName] + Self.tokenizerNames {
      let isTable = ["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt"].contains(name)
      let file = Result { () throws(FileError) in
        try FileContents.read(
          regularFile: directory + "/" + name,
          limit: isTable ? Self.tableLimit : JSONValue.configurationLimit)
      }
      contents[name] = file
    }
    self.contents = contents
    checkpoint = Result { () throws(FileError) in try SafetensorsCollection(directory: directory) }
  }

  /// The path of the file `name`.
  public func path(_ name: String) -> String { directory + "/" + name }

  /// Whether the file `name`, of those that are read when this is made, is there.
  public func has(_ name: String) -> Bool {
    if case .failure(let error) = contents[name] { return error.kind != .notFound }
    return contents[name] != nil
  }

  /// The bytes of the file `name`, of those that are read when this is made; nil where it is not
  /// there.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func bytes(_ name: String) throws(FileError) -> [UInt8]? {
    has(name) ? try contents[name]?.get() : nil
  }

  /// The bytes of the file `name`, of those that are read when this is made.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  func existing(_ name: String) throws(FileError) -> [UInt8] { try contents[name]?.get() ?? [] }

  /// The document in the file `name`, of those that are read when this is made; nil where it is not
  /// there.
  ///
  /// Errors: those of `bytes` and of `JSONValue.init(parsing:path:)`.
  public func document(_ name: String) throws(FileError) -> JSONValue? {
    guard let bytes = try bytes(name) else { return nil }
    return try JSONValue(parsing: bytes, path: path(name))
  }

  /// The weights.
  ///
  /// Errors: those of `SafetensorsCollection.init(directory:stem:)`.
  public var weights: SafetensorsCollection {
    get throws(FileError) { try checkpoint.get() }
  }

  /// SHA-256 of the files of weights by name, in hexadecimal. They are hashed once.
  ///
  /// Errors: those of `weights`; `malformed` where a file was written to since it was opened.
  public func weightDigests() throws(FileError) -> [String: String] {
    var digests: [String: String] = [:]
    for reader in try weights.readers {
      let name = reader.path.split(separator: "/").last.map(String.init) ?? reader.path
      digests[name] = try reader.digest()
    }
    return digests
  }

  /// SHA-256 by name of the configuration and of the tokenizer's files that are there, in
  /// hexadecimal.
  ///
  /// Errors: those of `bytes`.
  public func settingDigests() throws(FileError) -> [String: String] {
    var digests: [String: String] = [:]
    for name in [Self.configurationName] + Self.tokenizerNames {
      guard let bytes = try bytes(name) else { continue }
      var hash = SHA256()
      hash.append(bytes)
      digests[name] = hash.hexadecimal
    }
    return digests
  }

  /// SHA-256 by name of every file that a result with this model depends on: the weights, the
  /// configuration and the tokenizer's files.
  ///
  /// Errors: those of `weightDigests` and `settingDigests`.
  public func digests() throws(FileError) -> [String: String] {
    try weightDigests().merging(settingDigests()) { first, _ in first }
  }
}

extension ModelFiles {
  /// The names of the files that a tokenizer's vocabulary is read from; empty where there are none.
  var tables: [String] {
    [["tokenizer.json"], ["vocab.json", "merges.txt"], ["vocab.txt"]]
      .first { $0.allSatisfy(has) } ?? []
  }

  /// The names of the files, of those that are there, that a model and its tokenizer are read from,
  /// besides the weights.
  public var namesRead: [String] {
    ([Self.configurationName] + tables + [Self.tokenizerSettingsName]).filter(has)
  }
}
