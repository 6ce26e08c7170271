import PEFTNetwork
import PEFTTensor
import PEFTText

/// What `config.json` says about a model of any family.
public struct ModelConfiguration: Hashable, Sendable {
  /// The family's own description.
  public let architecture: any Architecture

  /// The model that `architecture` describes, for models that come from no directory.
  public init(_ architecture: some Architecture) { self.architecture = architecture }

  /// Whether both describe the same model.
  public static func == (_ first: ModelConfiguration, _ second: ModelConfiguration) -> Bool {
    AnyHashable(first.architecture) == AnyHashable(second.architecture)
  }

  /// Feeds the description to a hasher.
  public func hash(into hasher: inout Hasher) { AnyHashable(architecture).hash(into: &hasher) }

  /// Reads `config.json` of a model directory. What this package would compute otherwise than the
  /// file says is refused by name.
  public init(directory: String) throws(FileError) {
    try self.init(files: ModelFiles(directory: directory))
  }

  /// Reads `config.json` of a model's files. What this package would compute otherwise than the
  /// file says is refused by name.
  ///
  /// - Parameter catalogue: the families to look among.
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

  /// The tokenizer of the model's directory, as the family reads texts. One with more tokens than
  /// the model has rows for is refused.
  public func tokenizer(directory: String) throws(FileError) -> Tokenizer {
    try tokenizer(files: ModelFiles(directory: directory))
  }

  /// The tokenizer of the model's files, as `tokenizer(directory:)` returns it.
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
    return tokenizer
  }
}

extension ModelConfiguration {
  /// The document of `config.json`.
  public var json: JSONValue { architecture.json }

  /// The family's `model_type`, such as `roberta`.
  public var architectureName: String { architecture.modelType }

  /// What files call the model and its parameters.
  public var naming: CheckpointNaming { architecture.naming }

  /// The elements of the embedding tables and of the layers' matrices, by arithmetic alone.
  public var matrixElements: Double { architecture.sizes.matrixElements }

  /// Rows of the word table, V.
  public var vocabularySize: Int { architecture.sizes.vocabulary }

  /// Width of the residual stream, h.
  public var hiddenSize: Int { architecture.sizes.hidden }

  /// Number of transformer layers.
  public var layerCount: Int { architecture.sizes.layers }

  /// The longest sequence, in tokens.
  public var maximumLength: Int { architecture.sizes.positions }

  /// The names of a classifier's labels, where the file says them.
  public var labelNames: [String]? { architecture.labelNames }

  /// How a classifier reads the tokens unless told otherwise: a causal model's last token is the
  /// only one that has seen all.
  public var usualPooling: Pooling { architecture.usualPooling }

  /// The linear layers that LoRA usually adapts, by PEFT's habit.
  public var usualTargets: [String] { architecture.usualTargets }

  /// The linear layers that (IA)³ usually scales, by PEFT's habit, and those of them whose input it
  /// scales.
  public var usualScaledTargets: (targets: [String], feedForward: [String]) {
    architecture.usualScaledTargets
  }

  /// Whether a token sees those before it only, so that the model can write.
  public var isCausal: Bool { architecture.isCausal }
}
