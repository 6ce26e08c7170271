import PEFTNetwork
import PEFTTensor

/// A rule that decides which parameters are trained. The task head always is.
///
/// A method is a value with settings. `attach` marks the trainable parameters and adds adapters;
/// the model's `mergeAdapters` and `detachAdapters` remove the adapters again. A method that looks
/// at weights or gradients before it knows what to train does so in `choose`, or in `search` if
/// that takes steps of its own, before the first step of a run. The run's files hold the choice, so
/// a run is opened and resumed without it.
public protocol AdaptationMethod: Sendable {
  /// The method's name on the command line and in files.
  static var name: String { get }

  /// A clause that says what is trained.
  static var summary: String { get }

  /// The settings: a single table for JSON, recipes, the command line, suites and help.
  static var fields: [MethodField<Self>] { get }

  /// Settings of the method that have names of their own, by which a user can request them.
  static var variants: [(name: String, method: Self)] { get }

  /// Creates the method with its usual settings.
  init()

  /// The name, with the setting that determines how much is trained, such as `lora r8`.
  var label: String { get }

  /// The method in the largest size in which its parameters and the head of `model` together are
  /// within `budget`, or in its smallest size if that exceeds the budget. Returns the method
  /// unchanged if no setting determines its size.
  func sized(within budget: Int, for model: TransformerModel) -> Self

  /// The setting that does not fit `model`; nil if all settings fit.
  func misfit(in model: TransformerModel) -> MethodMisfit?

  /// Freezes everything that this method does not train, and attaches its adapters. The settings
  /// must fit; see `misfit(in:)`.
  func attach(to model: TransformerModel, using generator: SeededGenerator)

  /// The number of rounds of two batches that `search` takes; 0 if the method does not search.
  var searchRounds: Int { get }

  /// Finds what to train by steps of its own, for a method whose choice takes more than a statistic
  /// of gradients. Called once, after `attach` and before `choose`. On return, the values of the
  /// base model are what they were; those of the head may be others, which the caller restores.
  ///
  /// - Parameters:
  ///   - generator: the generator with which the method was attached.
  ///   - measure: the gradients of a batch with this number, of one half of the data for even
  ///     numbers and of the other half for odd ones; nil if the search is to stop.
  ///   - note: receives messages for the user.
  /// - Returns: false if it was stopped; nothing is chosen then.
  func search(
    in model: TransformerModel, using generator: SeededGenerator,
    measuring measure: (Int) throws -> GradientAccumulator?, note: (String) -> Void
  ) throws -> Bool

  /// The number of batches whose gradients `choose` needs; 0 if it needs none.
  var gradientBatches: Int { get }

  /// What `choose` needs of these gradients.
  var gradientStatistic: GradientStatistic { get }

  /// Settles what `attach` left open. Called once, after `attach` and before the first step.
  ///
  /// - Parameters:
  ///   - gradients: the sums over `gradientBatches` batches that `gradientStatistic` says, of the
  ///     gradients of the parameters that want their whole gradient. Empty if `gradientBatches` is
  ///     0.
  ///   - generator: the generator with which the method was attached.
  func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator)

  /// The number of elements that are trainable at the end of a run with this method, which must be
  /// attached to `model`.
  func plannedCount(in model: TransformerModel) -> Int

  /// The method's part in a run of `steps` steps on `model`, to which it is attached. Returns nil
  /// if nothing changes during training.
  ///
  /// - Parameters:
  ///   - generator: the generator with which the method was attached.
  ///   - measure: measures gradients for a choice before a step, as for `choose`, of the parameters
  ///     that want their whole gradient; its argument is the number of steps taken before. It
  ///     changes no value.
  func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)?

  /// The format of the adapters that `adapter_config.json` describes, as Hugging Face PEFT stores
  /// those of this method; nil if they belong to another method.
  ///
  /// Errors: `unsupported` for variants of this method with different mathematics, `malformed`.
  static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)?
}

/// A statistic of the gradients of some batches, element by element.
public enum GradientStatistic: Hashable, Sendable {
  /// Σ_b ∇L_b, the sum of the gradients of the mean losses of the batches.
  case sum
  /// Σ_b (∇L_b)².
  case sumOfSquares
  /// Σ_n (∇L_n)², over all examples n of the batches, each of which is a batch of its own.
  case sumOfExampleSquares
  /// H g with g = Σ_b ∇L_b and H = Σ_b ∇²L_b over these parameters, where L_b is the mean cross
  /// entropy of logits divided by `temperature`; see `gradientChange`.
  case changeAlongSum(temperature: Double)

  /// The number of tensors in memory for every whole gradient that is measured: the statistic, the
  /// gradients from which it follows, and values that are kept meanwhile.
  package var tensorCount: Int {
    switch self {
    case .sum: 1
    case .sumOfSquares, .sumOfExampleSquares: 2
    case .changeAlongSum: 4
    }
  }
}

/// A setting that does not fit a model.
public struct MethodMisfit: Error, CustomStringConvertible {
  /// The name of the setting among the method's fields.
  public let setting: String
  /// A sentence that says what is wrong, without its full stop.
  public let description: String

  /// Creates a misfit of the setting called `setting`.
  public init(setting: String, _ description: String) {
    self.setting = setting
    self.description = description
  }
}

extension AdaptationMethod {
  /// The method's name on the command line and in files.
  public var name: String { Self.name }

  /// An empty list: no settings.
  public static var fields: [MethodField<Self>] { [] }

  /// An empty list: no settings have names of their own.
  public static var variants: [(name: String, method: Self)] { [] }

  /// The names of the variants.
  public static var variantNames: [String] { variants.map(\.name) }

  /// The variant called `name`; nil for an unknown name.
  public static func variant(named name: String) -> Self? {
    variants.first { $0.name == name }?.method
  }

  /// The method's name.
  public var label: String { name }

  /// Returns the method unchanged.
  public func sized(within budget: Int, for model: TransformerModel) -> Self { self }

  /// Returns nil: everything fits.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { nil }

  /// 0: the method does not search.
  public var searchRounds: Int { 0 }

  /// Returns true: nothing is searched.
  public func search(
    in model: TransformerModel, using generator: SeededGenerator,
    measuring measure: (Int) throws -> GradientAccumulator?, note: (String) -> Void
  ) throws -> Bool { true }

  /// 0: the method needs no gradients.
  public var gradientBatches: Int { 0 }

  /// The sum of the gradients.
  public var gradientStatistic: GradientStatistic { .sum }

  /// Does nothing: `attach` has settled everything.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {}

  /// The number of elements that are trainable now.
  public func plannedCount(in model: TransformerModel) -> Int { model.trainableCount }

  /// Returns nil: nothing changes during training.
  public func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)? { nil }

  /// Returns nil: the method has no adapters.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? { nil }
}

extension TransformerModel {
  /// Makes the head and every parameter that `rule` accepts fully trainable, and freezes all
  /// others.
  func train(where rule: (Parameter) -> Bool) {
    for entry in parameters {
      entry.parameter.history = TrainingHistory(
        trains: entry.kind == .head || rule(entry.parameter) ? .all : .none)
      entry.parameter.wantsWholeGradient = false
      entry.parameter.mayTrainLater = false
    }
  }
}
