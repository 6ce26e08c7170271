import PEFTNetwork
import PEFTTensor
import PEFTText

/// The contents of `config.json` for a model of any family.
public struct ModelConfiguration: Hashable, Sendable {
  /// The family's own description.
  public let architecture: any Architecture

  /// Creates the configuration of the model that `architecture` describes, for models that are not
  /// loaded from a directory.
  public init(_ architecture: some Architecture) { self.architecture = architecture }

  /// Whether both configurations describe the same model.
  public static func == (_ first: ModelConfiguration, _ second: ModelConfiguration) -> Bool {
    AnyHashable(first.architecture) == AnyHashable(second.architecture)
  }

  /// Feeds the description to a hasher.
  public func hash(into hasher: inout Hasher) { AnyHashable(architecture).hash(into: &hasher) }

  /// Reads `config.json` of a model directory. Settings that this package does not implement are
  /// rejected by name.
  public init(directory: String) throws(FileError) {
    try self.init(files: ModelFiles(directory: directory))
  }

  /// Reads `config.json` of a model's files. Settings that this package does not implement are
  /// rejected by name.
  ///
  /// - Parameter catalogue: the supported families.
  public init(
    files: ModelFiles, catalogue: ArchitectureCatalogue = .standard
  ) throws(FileError) {
    let path = files.path(ModelFiles.configurationName)
    let document = try JSONValue(parsing: files.configuration, path: path)
    guard case .object(let members) = document else {
      throw FileError(.malformed, path: path, reason: "not a JSON object")
    }
    architecture = try catalogue.architecture(ConfigurationReader(members: members, path: path))
    guard maximumLength >= 4 else {
      throw FileError(
        .unsupported, path: path,
        reason: "the model takes sequences of \(maximumLength) tokens at most",
        remedy: "use one that takes 4 or more")
    }
  }

  /// The tokenizer of the model's directory, configured for the family. A tokenizer with more
  /// tokens than the model has rows is rejected, as is one whose special tokens leave no room for a
  /// text.
  public func tokenizer(directory: String) throws(FileError) -> Tokenizer {
    try tokenizer(files: ModelFiles(directory: directory))
  }

  /// The tokenizer of the model's files; see `tokenizer(directory:)`.
  public func tokenizer(files: ModelFiles) throws(FileError) -> Tokenizer {
    let directory = files.directory
    var tokenizer = try Tokenizer.load(files: files.tokenizer)
    try architecture.adapt(&tokenizer, directory: directory)
    guard tokenizer.vocabularySize <= vocabularySize else {
      throw FileError(
        .malformed, path: directory,
        reason: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model "
          + "\(vocabularySize)",
        remedy: "copy tokenizer and weights from the same model")
    }
    guard tokenizer.template.largestCount < maximumLength else {
      throw FileError(
        .malformed, path: directory,
        reason: "the tokenizer puts \(tokenizer.template.largestCount) special tokens around a "
          + "text, and the model takes \(maximumLength) tokens",
        remedy: "copy tokenizer and weights from the same model")
    }
    return tokenizer
  }
}

extension ModelConfiguration {
  /// The document of `config.json`.
  public var json: JSONValue { architecture.json }

  /// The family's `model_type`, such as `roberta`.
  public var architectureName: String { architecture.modelType }

  /// The names of the model and its parameters in files.
  public var naming: CheckpointNaming { architecture.naming }

  /// The number of elements of the embedding tables and of the layers' matrices, computed from the
  /// sizes alone.
  public var matrixElements: Double { architecture.sizes.matrixElements }

  /// The number of rows of the word table, V.
  public var vocabularySize: Int { architecture.sizes.vocabulary }

  /// The width of the residual stream, h.
  public var hiddenSize: Int { architecture.sizes.hidden }

  /// The number of transformer layers.
  public var layerCount: Int { architecture.sizes.layers }

  /// The number of attention heads in a layer.
  public var headCount: Int { architecture.sizes.heads }

  /// The longest sequence, in tokens.
  public var maximumLength: Int { architecture.sizes.positions }

  /// The names of a classifier's labels, if the file contains them.
  public var labelNames: [String]? { architecture.labelNames }

  /// The default pooling of a classifier. In a causal model, only the last token has seen the whole
  /// text.
  public var usualPooling: Pooling { architecture.usualPooling }

  /// The linear layers that PEFT's LoRA adapts by default.
  public var usualTargets: [String] { architecture.usualTargets }

  /// The linear layers that PEFT's (IA)³ scales by default, and the subset of them whose input it
  /// scales.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    architecture.usualScaledTargets
  }

  /// Whether a token attends only to itself and to earlier tokens, so that the model can generate
  /// text.
  public var isCausal: Bool { architecture.isCausal }
}
