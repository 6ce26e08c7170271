import PEFTNetwork
import PEFTTensor

/// A vector that scales the output or the input of a layer ((IA)³, Liu et al. 2022).
public final class VectorAdapter: LinearAdapter {
  /// The side of the layer that the vector scales.
  public enum Side: Hashable, Sendable {
    /// The outputs, including the bias: l [out, 1].
    case output
    /// The inputs, as PEFT does for the second map of a feed-forward block: l [1, in].
    case input
  }

  /// The side of the layer that the vector scales.
  public let side: Side
  /// l.
  public var vector: Parameter { factor.parameter }
  private let factor: AdapterParameter

  /// The name suffix of l.
  static let suffix = "ia3_l"

  /// Creates the adapter with this l, [out, 1] or [1, in], on the module at the path `module`.
  public init(_ module: String, side: Side, vector: Tensor) {
    self.side = side
    factor = AdapterParameter(module, Self.suffix, vector)
  }

  /// Creates a new adapter of `layer` initialised to ones, so that the layer's map does not change.
  public convenience init(for layer: LinearLayer, side: Side) {
    self.init(
      layer.name, side: side, vector: Tensor(repeating: 1, shape: Self.shape(of: layer, side)))
  }

  /// The shape of l.
  static func shape(of layer: LinearLayer, _ side: Side) -> Shape {
    switch side {
    case .output: [layer.weight.shape[0], 1]
    case .input: [1, layer.weight.shape[1]]
    }
  }

  /// l.
  public var factors: [AdapterParameter] { [factor] }

  /// y = f(l ∘ (x Wᵀ + b)), or f((l ∘ x) Wᵀ + b).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    switch side {
    case .output:
      let y = tape.scaledColumns(
        tape.linear(x, weight: layer.weight, bias: layer.bias), by: vector)
      return activation.map { tape.activation(y, $0) } ?? y
    case .input:
      return tape.linear(
        tape.scaledColumns(x, by: vector), weight: layer.weight, bias: layer.bias,
        activation: activation)
    }
  }

  /// Multiplies the rows of W and the elements of b, or the columns of W, by l.
  public func merge(into layer: LinearLayer) {
    switch side {
    case .output:
      layer.weight.value.scaleRows(by: vector.value)
      layer.bias?.value.scaleColumns(by: vector.value)
    case .input: layer.weight.value.scaleColumns(by: vector.value)
    }
  }

  /// The layers whose input is scaled, by their full names.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: VectorAdapter)]
  ) -> JSONObject {
    [
      "feedforward_modules": .array(
        adapted.filter { $0.adapter.side == .input }.map { .string($0.layer.name) }),
      "init_ia3_weights": .bool(true), "peft_type": .string("IA3"),
    ]
  }
}
