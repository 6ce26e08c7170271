import PEFTNetwork
import PEFTTensor

/// Parameters that an adaptation method attaches to a linear map, and the way they change its
/// output.
///
/// An adapter computes the whole call of its layer, including bias and activation, so it can scale
/// the input, change the weight, add to the product or scale the output.
public protocol LinearAdapter: AnyObject {
  /// The new parameters in the order of computation. A method may freeze some of them; files of a
  /// run hold all.
  var factors: [Factor] { get }

  /// Computes the adapted layer, x [T, in] → [T, out], followed by the activation if there is one.
  func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable

  /// Folds the adapter into the weight and bias of `layer`. The layer's map stays the same up to
  /// rounding.
  func merge(into layer: LinearLayer)

  /// Whether Hugging Face PEFT has adapters that compute the same. The modules of others are
  /// exported whole.
  var hasPublishedForm: Bool { get }

  /// The tensors with which Hugging Face PEFT stores this adapter, by their full names.
  var published: [(name: String, value: Tensor)] { get }

  /// The tensors with which Hugging Face PEFT stores what these adapters share, by their names
  /// below `base_model.`; none as a rule.
  static func shared(
    of adapted: [(layer: LinearLayer, adapter: Self)]
  ) -> [(name: String, value: Tensor)]

  /// The settings in `adapter_config.json` with which Hugging Face PEFT recreates these adapters,
  /// which are all of this type. They contain at least `peft_type`.
  static func configuration(of adapted: [(layer: LinearLayer, adapter: Self)]) -> JSONObject
}

extension LinearAdapter {
  /// A parameter of an adapter.
  public typealias Factor = AdapterParameter

  /// True: PEFT has such adapters.
  public var hasPublishedForm: Bool { true }

  /// The parameters.
  public var published: [(name: String, value: Tensor)] {
    factors.map { ($0.parameter.name, $0.parameter.value) }
  }

  /// An empty list: the adapters share nothing.
  public static func shared(
    of adapted: [(layer: LinearLayer, adapter: Self)]
  ) -> [(name: String, value: Tensor)] { [] }
}

/// A parameter of an adapter, with the properties that files and probing use.
public struct AdapterParameter {
  /// The suffix that files append to the module's path, such as `lora_A.weight`.
  public let suffix: String
  /// The parameter. Its name is the module's path, a dot and the suffix.
  public let parameter: Parameter
  /// The assumptions that probing may make about it.
  public private(set) var part: AdapterFactor.Part
  /// The factor by which its learning rate differs from that of the run.
  public let rateFactor: Double

  /// Creates a parameter of the adapter on the module at the path `module`.
  public init(
    _ module: String, _ suffix: String, _ value: Tensor, part: AdapterFactor.Part = .whole,
    rateFactor: Double = 1
  ) {
    self.suffix = suffix
    self.part = part
    self.rateFactor = rateFactor
    parameter = Parameter(name: module + "." + suffix, value: value)
  }

  /// The same parameter, about which probing may assume nothing.
  var withoutAssumptions: Self {
    var factor = self
    factor.part = .whole
    return factor
  }
}

extension LinearLayer {
  /// Folds the adapter into weight and bias, and removes it. The map stays the same up to rounding.
  public func mergeAdapter() {
    adapter?.merge(into: self)
    adapter = nil
  }
}
