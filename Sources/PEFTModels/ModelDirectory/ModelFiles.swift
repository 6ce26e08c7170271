import PEFTRuntime
import PEFTTensor
import PEFTText

/// The files of a model directory, each opened once, so that what is computed with is what the
/// digests are of.
///
/// The configuration and the tokenizer's files are read when this is made; the weights stay open,
/// and are read and hashed through that one opening. Files that take their place at the same paths
/// meanwhile do not count. What is wrong with a file is an error of whoever asks for it.
public struct ModelFiles: Sendable {
  /// The files of the tokenizer.
  public let tokenizer: TokenizerFiles
  private let settings: SmallFiles
  private let checkpoint: Result<SafetensorsCollection, FileError>

  /// The name of the model's configuration.
  public static let configurationName = "config.json"

  /// The name of settings beside a tokenizer's tables.
  public static let tokenizerSettingsName = TokenizerFiles.settingsName

  /// The names of the files from which tokenizers are made, here or elsewhere.
  public static let tokenizerNames = TokenizerFiles.names

  /// Settings of texts that are written; nothing here reads them.
  public static let generationName = "generation_config.json"

  /// Opens the files that are in `directory`.
  public init(directory: String) {
    settings = SmallFiles(
      directory: directory, names: [Self.configurationName, Self.generationName],
      limit: { _ in JSONValue.configurationLimit })
    tokenizer = TokenizerFiles(directory: directory)
    checkpoint = Result { () throws(FileError) in try SafetensorsCollection(directory: directory) }
  }

  /// The directory, as the caller named it.
  public var directory: String { settings.directory }

  /// The path of the file `name`.
  public func path(_ name: String) -> String { settings.path(name) }

  /// Whether the file `name`, of those that are read when this is made, is there.
  public func has(_ name: String) -> Bool { settings.has(name) || tokenizer.files.has(name) }

  /// The bytes of the file `name`, of those that are read when this is made; nil where it is not
  /// there.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func bytes(_ name: String) throws(FileError) -> [UInt8]? {
    if let bytes = try settings.bytes(name) { return bytes }
    return try tokenizer.files.bytes(name)
  }

  /// The document in the file `name`, of those that are read when this is made; nil where it is not
  /// there.
  ///
  /// Errors: those of `bytes` and of `JSONValue.init(parsing:path:)`.
  public func document(_ name: String) throws(FileError) -> JSONValue? {
    if let document = try settings.document(name) { return document }
    return try tokenizer.files.document(name)
  }

  /// The bytes of the configuration.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  var configuration: [UInt8] {
    get throws(FileError) { try settings.existing(Self.configurationName) }
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
    var digests = try tokenizer.files.digests()
    digests[Self.configurationName] = try settings.digests()[Self.configurationName]
    return digests
  }

  /// SHA-256 by name of every file that a result with this model depends on: the weights, the
  /// configuration and the tokenizer's files.
  ///
  /// Errors: those of `weightDigests` and `settingDigests`.
  public func digests() throws(FileError) -> [String: String] {
    try weightDigests().merging(settingDigests()) { first, _ in first }
  }

  /// The names of the files, of those that are there, that a model and its tokenizer are read from,
  /// besides the weights.
  public var namesRead: [String] {
    [Self.configurationName].filter(settings.has) + tokenizer.namesRead
  }
}
