import PEFTTensor
import PEFTText

/// What `config.json` says about a model of any family.
public enum ModelConfiguration: Hashable, Sendable {
  /// RoBERTa or BERT.
  case encoder(EncoderConfiguration)
  /// GPT-2.
  case gpt2(GPT2Configuration)

  /// Reads `config.json` of a model directory. What this package would compute otherwise than the
  /// file says is refused by name.
  public init(directory: String) throws(FileError) {
    try self.init(files: ModelFiles(directory: directory))
  }

  /// Reads `config.json` of a model's files. What this package would compute otherwise than the
  /// file says is refused by name.
  public init(files: ModelFiles) throws(FileError) {
    let path = files.path(ModelFiles.configurationName)
    let document = try JSONValue(parsing: files.configuration, path: path)
    guard case .object(let members) = document else {
      throw FileError(.malformed, path: path, reason: "not a JSON object")
    }
    let file = ConfigurationReader(members: members, path: path)
    let modelType = try file.string("model_type")
    if modelType == GPT2Configuration.modelType {
      self = .gpt2(try GPT2Configuration(file))
    } else if let architecture = EncoderConfiguration.Architecture(rawValue: modelType) {
      self = .encoder(try EncoderConfiguration(file, architecture))
    } else {
      throw FileError(
        .unsupported, path: path, place: "model_type",
        reason: "the architecture \"\(modelType)\" is not supported",
        remedy: "use a model of type bert, roberta or gpt2")
    }
    guard maximumLength >= 4 else {
      throw FileError(
        .unsupported, path: path,
        reason: "the model takes sequences of \(maximumLength) tokens at most",
        remedy: "use one that takes 4 or more")
    }
  }

  /// The tokenizer of the model's directory. One with more tokens than the model has
  /// rows for is refused.
  ///
  /// A GPT-2 has no special tokens around a text, whatever its vocabulary holds, unless the
  /// tokenizer's file asks for them; a model with one token type gets no other.
  public func tokenizer(directory: String) throws(FileError) -> Tokenizer {
    try tokenizer(files: ModelFiles(directory: directory))
  }

  /// The tokenizer of the model's files, as `tokenizer(directory:)` returns it.
  public func tokenizer(files: ModelFiles) throws(FileError) -> Tokenizer {
    let directory = files.directory
    var tokenizer = try Tokenizer.load(files: files.tokenizer)
    switch self {
    case .encoder(let configuration):
      tokenizer.hasTokenTypes = configuration.tokenTypeCount > 1
      guard tokenizer.namesSpecialTokens != false else {
        throw FileError(
          .unsupported, path: directory + "/tokenizer.json", place: "post_processor",
          reason: "it puts no special tokens around a text, which this model's heads read",
          remedy: "use the file that came with the model")
      }
    case .gpt2(let configuration):
      if tokenizer.family != .gpt2, tokenizer.namesSpecialTokens != true {
        tokenizer.family = .gpt2
        tokenizer.special = Tokenizer.SpecialTokens(
          end: configuration.endID.map { Int32($0) } ?? tokenizer.special.end)
      }
    }
    guard tokenizer.vocabularySize <= vocabularySize else {
      throw FileError(
        .malformed, path: directory,
        reason: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model "
          + "\(vocabularySize)",
        remedy: "copy tokenizer and weights from the same model")
    }
    return tokenizer
  }

  /// The document of `config.json`.
  public var json: JSONValue {
    switch self {
    case .encoder(let configuration): configuration.json
    case .gpt2(let configuration): configuration.json
    }
  }

  /// The elements of the embedding tables and of the layers' matrices, by arithmetic alone.
  public var matrixElements: Double {
    let (rows, hidden, layers, wide) =
      switch self {
      case .encoder(let configuration):
        (
          configuration.vocabularySize + configuration.positionCount
            + configuration.tokenTypeCount, configuration.hiddenSize, configuration.layerCount,
          configuration.intermediateSize
        )
      case .gpt2(let configuration):
        (
          configuration.vocabularySize + configuration.positionCount, configuration.hiddenSize,
          configuration.layerCount, configuration.intermediateSize
        )
      }
    let perLayer = 4 * Double(hidden) * Double(hidden) + 2 * Double(hidden) * Double(wide)
    return Double(rows) * Double(hidden) + Double(layers) * perLayer
  }

  /// `bert`, `roberta` or `gpt2`.
  public var architectureName: String {
    switch self {
    case .encoder(let configuration): configuration.architecture.rawValue
    case .gpt2: GPT2Configuration.modelType
    }
  }

  /// Rows of the word table, V.
  public var vocabularySize: Int {
    switch self {
    case .encoder(let configuration): configuration.vocabularySize
    case .gpt2(let configuration): configuration.vocabularySize
    }
  }

  /// Width of the residual stream, h.
  public var hiddenSize: Int {
    switch self {
    case .encoder(let configuration): configuration.hiddenSize
    case .gpt2(let configuration): configuration.hiddenSize
    }
  }

  /// Number of transformer layers.
  public var layerCount: Int {
    switch self {
    case .encoder(let configuration): configuration.layerCount
    case .gpt2(let configuration): configuration.layerCount
    }
  }

  /// The longest sequence, in tokens.
  public var maximumLength: Int {
    switch self {
    case .encoder(let configuration): configuration.maximumLength
    case .gpt2(let configuration): configuration.positionCount
    }
  }

  /// Standard deviation of newly drawn weights.
  public var initializerRange: Double {
    switch self {
    case .encoder(let configuration): configuration.initializerRange
    case .gpt2(let configuration): configuration.initializerRange
    }
  }

  /// The names of a classifier's labels, where the file says them.
  public var labelNames: [String]? {
    switch self {
    case .encoder(let configuration): configuration.labelNames
    case .gpt2(let configuration): configuration.labelNames
    }
  }

  /// How a classifier reads the tokens unless told otherwise: a causal model's last token is the
  /// only one that has seen all.
  public var usualPooling: Pooling {
    switch self {
    case .encoder: .first
    case .gpt2: .last
    }
  }

  /// The linear layers that LoRA usually adapts, by PEFT's habit.
  public var usualTargets: [String] {
    switch self {
    case .encoder: ["query", "value"]
    case .gpt2: ["c_attn"]
    }
  }

  /// Whether a token sees those before it only, so that the model can write.
  public var isCausal: Bool {
    switch self {
    case .encoder: false
    case .gpt2: true
    }
  }

  func makeBackbone() -> any Backbone {
    switch self {
    case .encoder(let configuration): Encoder(configuration: configuration)
    case .gpt2(let configuration): GPT2(configuration: configuration)
    }
  }
}
