import PEFTRuntime
import PEFTTensor
import PEFTText

/// The files of a model directory, each opened once, so that digests and computations refer to the
/// same bytes.
///
/// The configuration and the tokenizer's files are read on creation. The weights stay open, and are
/// read and hashed through the same handle. Files that later replace them at the same paths have no
/// effect. An unreadable file causes an error only when something requests it.
public struct ModelFiles: Sendable {
  /// The files of the tokenizer.
  public let tokenizer: TokenizerFiles
  private let settings: SmallFiles
  private let checkpoint: Result<SafetensorsCollection, FileError>

  /// The name of the model's configuration.
  public static let configurationName = "config.json"

  /// The name of the file with settings that accompanies a tokenizer's tables.
  public static let tokenizerSettingsName = TokenizerFiles.settingsName

  /// The names of all files from which a tokenizer can be created, by this package or by others.
  public static let tokenizerNames = TokenizerFiles.names

  /// The name of the file with generation settings, which this package does not use.
  public static let generationName = "generation_config.json"

  /// The name of the file with a template for conversations, where it is not in the tokenizer's
  /// settings.
  public static let chatTemplateName = "chat_template.jinja"

  /// Opens the files in `directory`.
  public init(directory: String) {
    settings = SmallFiles(
      directory: directory,
      names: [Self.configurationName, Self.generationName, Self.chatTemplateName],
      limit: { _ in JSONValue.configurationLimit })
    tokenizer = TokenizerFiles(directory: directory)
    checkpoint = Result { () throws(FileError) in try SafetensorsCollection(directory: directory) }
  }

  /// The directory, as the caller named it.
  public var directory: String { settings.directory }

  /// The path of the file `name`.
  public func path(_ name: String) -> String { settings.path(name) }

  /// Whether the file `name` exists. It must be one of those that are read on creation.
  public func has(_ name: String) -> Bool { settings.has(name) || tokenizer.files.has(name) }

  /// The bytes of the file `name`, which must be one of those that are read on creation; nil if the
  /// file does not exist.
  ///
  /// Errors: those of `FileContents.read(regularFile:limit:)`.
  public func bytes(_ name: String) throws(FileError) -> [UInt8]? {
    if let bytes = try settings.bytes(name) { return bytes }
    return try tokenizer.files.bytes(name)
  }

  /// The JSON document in the file `name`, which must be one of those that are read on creation;
  /// nil if the file does not exist.
  ///
  /// Errors: those of `bytes` and of `JSONValue.init(parsing:path:)`.
  public func document(_ name: String) throws(FileError) -> JSONValue? {
    if let document = try settings.document(name) { return document }
    return try tokenizer.files.document(name)
  }

  /// The bytes of the configuration.
  ///
  /// Errors: `notFound` if the directory does not exist; those of
  /// `FileContents.read(regularFile:limit:)`.
  var configuration: [UInt8] {
    get throws(FileError) {
      if !settings.has(Self.configurationName), let missing = try FileError.missingModel(directory)
      {
        throw missing
      }
      return try settings.existing(Self.configurationName)
    }
  }

  /// The weights.
  ///
  /// Errors: those of `SafetensorsCollection.init(directory:stem:)`.
  public var weights: SafetensorsCollection {
    get throws(FileError) { try checkpoint.get() }
  }

  /// The SHA-256 of the weight files in hexadecimal, keyed by name. Each file is hashed only once.
  ///
  /// Errors: those of `weights`; `malformed` if a file has been written to since it was opened.
  public func weightDigests() throws(FileError) -> [String: String] {
    var digests: [String: String] = [:]
    for reader in try weights.readers {
      let name = reader.path.split(separator: "/").last.map(String.init) ?? reader.path
      digests[name] = try reader.digest()
    }
    return digests
  }

  /// The SHA-256 of the configuration, of the template for conversations and of the existing
  /// tokenizer files in hexadecimal, keyed by name.
  ///
  /// Errors: those of `bytes`.
  public func settingDigests() throws(FileError) -> [String: String] {
    var digests = try tokenizer.files.digests()
    let settings = try settings.digests()
    for name in [Self.configurationName, Self.chatTemplateName] { digests[name] = settings[name] }
    return digests
  }

  /// The SHA-256 of every file that affects results with this model, keyed by name: the weights,
  /// the configuration, the template for conversations and the tokenizer's files.
  ///
  /// Errors: those of `weightDigests` and `settingDigests`.
  public func digests() throws(FileError) -> [String: String] {
    try weightDigests().merging(settingDigests()) { first, _ in first }
  }

  /// The names of the existing files, apart from the weights, from which the model and its
  /// tokenizer are read.
  public var namesRead: [String] {
    [Self.configurationName, Self.chatTemplateName].filter(settings.has) + tokenizer.namesRead
  }
}
