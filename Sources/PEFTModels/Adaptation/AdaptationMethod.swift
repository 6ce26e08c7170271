import PEFTNetwork
import PEFTTensor

/// A rule for which parameters train. The task head always does.
///
/// A method is a value with settings. `attach` marks the parameters that train and adds adapters;
/// the model's `mergeAdapters` and `detachAdapters` end what was added.
public protocol AdaptationMethod: Sendable {
  /// The name on the command line and in files.
  static var name: String { get }

  /// What trains, in a clause.
  static var summary: String { get }

  /// The settings: one table for JSON, recipes, the command line, suites and help.
  static var fields: [MethodField<Self>] { get }

  /// The method with its usual settings.
  init()

  /// The learning rate of AdamW that usually suits the method.
  var usualLearningRate: Double { get }

  /// The name, and what of the settings says how much trains, as `lora r8`.
  var label: String { get }

  /// The method with the setting whose parameters and the head of `model` together come nearest to
  /// `budget`; as it is where no setting says how much trains.
  func sized(nearest budget: Int, for model: TransformerModel) -> Self

  /// What of the settings `model` has no place for; nil where all fit.
  func misfit(in model: TransformerModel) -> MethodMisfit?

  /// Freezes all but what this method trains, and attaches its adapters. The settings must fit; see
  /// `misfit(in:)`.
  func attach(to model: TransformerModel, using generator: SeededGenerator)

  /// The number of elements that train when a run of the method that is attached to `model` ends.
  func plannedCount(in model: TransformerModel) -> Int

  /// The method's part in a run of so many steps on `model`, to which it is attached; nil where
  /// nothing changes while training.
  func session(on model: TransformerModel, steps: Int) -> (any AdaptationSession)?

  /// The adapters that `adapter_config.json` describes, where Hugging Face PEFT keeps those of this
  /// method; nil where they are another method's.
  ///
  /// Errors: `unsupported` for variants of this method whose mathematics is another, `malformed`.
  static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)?
}

/// What a model has no place for.
public struct MethodMisfit: Error, CustomStringConvertible {
  /// The setting that asks for it, by its name among the method's fields.
  public let setting: String
  /// What is wrong, as a sentence without its full stop.
  public let description: String

  /// A misfit of the setting called `setting`.
  public init(setting: String, _ description: String) {
    self.setting = setting
    self.description = description
  }
}

extension AdaptationMethod {
  /// The name on the command line and in files.
  public var name: String { Self.name }

  /// No settings.
  public static var fields: [MethodField<Self>] { [] }

  /// 5e-4.
  public var usualLearningRate: Double { 5e-4 }

  /// The name.
  public var label: String { name }

  /// As it is.
  public func sized(nearest budget: Int, for model: TransformerModel) -> Self { self }

  /// Everything fits.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { nil }

  /// Those that train now.
  public func plannedCount(in model: TransformerModel) -> Int { model.trainableCount }

  /// Nothing changes.
  public func session(on model: TransformerModel, steps: Int) -> (any AdaptationSession)? { nil }

  /// No adapters.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? { nil }
}

extension TransformerModel {
  /// Makes trainable the head and what `rule` accepts, all rows of it, and nothing else.
  func train(where rule: (Parameter) -> Bool) {
    for entry in parameters {
      entry.parameter.trains = entry.kind == .head || rule(entry.parameter) ? .all : .none
      entry.parameter.wantsWholeGradient = false
    }
  }
}
