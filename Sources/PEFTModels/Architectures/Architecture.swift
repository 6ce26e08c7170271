import PEFTNetwork
import PEFTTensor
import PEFTText

/// A family of models, as a value with what `config.json` says about one of them.
///
/// A conforming type is the only place that knows its family: what files call its parameters, how
/// its layers compute, which output it has, and what other packages expect of it. To be found in
/// model directories it has to be in an `ArchitectureCatalogue`.
public protocol Architecture: Hashable, Sendable {
  /// The values of `model_type` in `config.json` that name the family.
  static var modelTypes: [String] { get }

  /// Reads `config.json`.
  ///
  /// Errors: `unsupported` for what the family would compute otherwise than the file says, by the
  /// key that asks for it; `malformed`.
  init(_ file: ConfigurationReader) throws(FileError)

  /// The value of `model_type`, one of `modelTypes`.
  var modelType: String { get }

  /// The document of `config.json`.
  var json: JSONValue { get }

  /// How large the model is.
  var sizes: ModelSizes { get }

  /// What files call the model and its parameters.
  var naming: CheckpointNaming { get }

  /// The names of a classifier's labels, where the file says them.
  var labelNames: [String]? { get }

  /// How a classifier reads the tokens unless told otherwise: as that of transformers does.
  var usualPooling: Pooling { get }

  /// The last components of the paths of the linear layers that LoRA usually adapts, by PEFT's
  /// habit.
  var usualTargets: [String] { get }

  /// The same for (IA)³, and those of these layers whose input it scales.
  var usualScaledTargets: (targets: [String], feedForward: [String]) { get }

  /// Whether a token sees only itself and those before it, so that the model can write.
  var isCausal: Bool { get }

  /// The standard deviation of the new values of the matrix called `name`.
  func deviation(of name: String) -> Double

  /// Makes the tokenizer of the model's directory encode texts as the model reads them.
  ///
  /// Errors: `unsupported` for a tokenizer that cannot.
  func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError)

  /// A backbone of zero maps.
  func makeBackbone() -> any Backbone

  /// A head of zero maps with this output, on a backbone that `makeBackbone` returned.
  func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead
}
