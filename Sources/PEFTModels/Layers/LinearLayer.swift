import PEFTTensor

/// A linear map, with or without a bias, and at most one adapter.
public final class LinearLayer {
  /// The module's path, such as `bert.encoder.layer.0.attention.self.query`.
  public let name: String
  /// The weight [out, in].
  public let weight: Parameter
  /// The bias [out]; nil if there is none.
  public let bias: Parameter?
  /// The attached adapter; nil if there is none.
  public var adapter: (any LinearAdapter)?

  /// Creates a layer of zeros.
  ///
  /// - Parameter isConvolution: whether files hold the weight as [in, out], as GPT-2's do.
  public init(
    name: String, inputs: Int, outputs: Int, hasBias: Bool = true, isConvolution: Bool = false
  ) {
    self.name = name
    weight = Parameter(
      name: name + ".weight", zeros: [outputs, inputs], isTransposedInFiles: isConvolution)
    bias = hasBias ? Parameter(name: name + ".bias", value: Tensor(zeros: [outputs])) : nil
  }

  /// All parameters, including those of the adapter.
  public var parameters: [Parameter] {
    [weight] + (bias.map { [$0] } ?? []) + (adapter?.factors.map(\.parameter) ?? [])
  }

  /// Computes the layer, x [T, in] → [T, out], followed by the activation if there is one.
  public func callAsFunction(
    _ x: Variable, activation: Activation? = nil, on tape: Tape
  ) -> Variable {
    adapter?.output(x, of: self, activation: activation, on: tape)
      ?? tape.linear(x, weight: weight, bias: bias, activation: activation)
  }
}
