import PEFTNetwork
import PEFTTensor

/// What an adaptation method attaches to a linear map: new parameters, and how they change its
/// output.
///
/// An adapter computes the whole call of its layer, bias and activation included, so that it can
/// scale the input, change the weight, add to the product or scale the output.
public protocol LinearAdapter: AnyObject {
  /// The new parameters in the order of computation.
  var factors: [Factor] { get }

  /// x [T, in] → [T, out] as the adapted layer computes it, followed by an activation where one is
  /// given.
  func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable

  /// Folds the adapter into the weight and bias of `layer`, whose map stays the same up to
  /// rounding.
  func merge(into layer: LinearLayer)

  /// The settings of `adapter_config.json` that give these adapters of layers, all of this type,
  /// when Hugging Face PEFT reads them; at least `peft_type`.
  static func configuration(of adapted: [(layer: LinearLayer, adapter: Self)]) -> JSONObject
}

extension LinearAdapter {
  /// A parameter of an adapter.
  public typealias Factor = AdapterParameter
}

/// A parameter of an adapter, and how files and probing see it.
public struct AdapterParameter {
  /// What files write behind the module's path, such as `lora_A.weight`.
  public let suffix: String
  /// The parameter; its name is the module's path, a dot and the suffix.
  public let parameter: Parameter
  /// What probing may assume about it.
  public let part: AdapterFactor.Part

  /// A parameter of the adapter on the module at the path `module`.
  public init(
    _ module: String, _ suffix: String, _ value: Tensor, part: AdapterFactor.Part = .whole
  ) {
    self.suffix = suffix
    self.part = part
    parameter = Parameter(name: module + "." + suffix, value: value)
  }
}

extension LinearLayer {
  /// Folds the adapter into weight and bias, and takes it off. The map stays the same up to
  /// rounding.
  public func mergeAdapter() {
    adapter?.merge(into: self)
    adapter = nil
  }
}
