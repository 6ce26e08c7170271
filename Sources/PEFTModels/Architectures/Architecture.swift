import PEFTNetwork
import PEFTTensor
import PEFTText

/// A family of models, as a value that holds what `config.json` says about one of them.
///
/// A conforming type is the only place that knows its family: the names of its parameters in files,
/// the computation of its layers, its outputs, and what other packages expect of it. Models of a
/// family can be loaded from directories if the family is in an `ArchitectureCatalogue`.
public protocol Architecture: Hashable, Sendable {
  /// The values of `model_type` in `config.json` that identify the family.
  static var modelTypes: [String] { get }

  /// Families that this package lacks, by their `model_type`, each with the one of `modelTypes`
  /// that computes most like it. An error about such a family names the latter; none by default.
  static var relatives: [String: String] { get }

  /// Reads `config.json`.
  ///
  /// Errors: `unsupported`, naming the key, if the file asks for a computation that the family does
  /// not implement; `malformed`.
  init(_ file: ConfigurationReader) throws(FileError)

  /// The value of `model_type`, one of `modelTypes`.
  var modelType: String { get }

  /// The document of `config.json`.
  var json: JSONValue { get }

  /// The sizes of the model.
  var sizes: ModelSizes { get }

  /// The names of the model and its parameters in files.
  var naming: CheckpointNaming { get }

  /// The names of a classifier's labels, if the file contains them.
  var labelNames: [String]? { get }

  /// The default pooling of a classifier, the same as in transformers.
  var usualPooling: Pooling { get }

  /// The last components of the paths of the linear layers that PEFT's LoRA adapts by default.
  var usualTargets: [String] { get }

  /// The same for (IA)³, with the subset of these layers whose input it scales.
  var usualScaledTargets: (targets: [String], feedForward: [String]) { get }

  /// Whether a token attends only to itself and to earlier tokens, so that the model can generate
  /// text.
  var isCausal: Bool { get }

  /// The standard deviation with which the matrix called `name` is initialised.
  func deviation(of name: String) -> Double

  /// Configures the tokenizer of the model's directory to encode texts as the model expects them.
  ///
  /// Errors: `unsupported` for a tokenizer that cannot.
  func adapt(_ tokenizer: inout Tokenizer, directory: String) throws(FileError)

  /// Creates a backbone whose maps are all zero.
  func makeBackbone() -> any Backbone

  /// Creates a head with this output whose maps are all zero, on a backbone that `makeBackbone`
  /// returned.
  func makeHead(_ output: ModelOutput, on backbone: any Backbone) -> any ModelHead
}

extension Architecture {
  /// None.
  public static var relatives: [String: String] { [:] }
}
