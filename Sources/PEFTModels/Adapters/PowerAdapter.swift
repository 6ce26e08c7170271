import PEFTNetwork
import PEFTTensor

/// A power of a vector that scales the outputs of a layer (Propulsion, Kowsher et al. 2024).
public final class PowerAdapter: LinearAdapter {
  /// k.
  public let degree: Int
  /// z [out, 1].
  public var vector: Parameter { factor.parameter }
  private let factor: AdapterParameter
  private let layer: String

  /// Creates a new adapter of `layer` with z initialised to ones, so that the layer's map does not
  /// change.
  public init(for layer: LinearLayer, degree: Int) {
    precondition(degree > 0, "PowerAdapter: degree \(degree)")
    (self.layer, self.degree) = (layer.name, degree)
    factor = AdapterParameter(
      layer.name, "propulsion_z", Tensor(repeating: 1, shape: [layer.weight.shape.rows, 1]))
  }

  /// z.
  public var factors: [AdapterParameter] { [factor] }

  /// y = f(zᵏ ∘ (x Wᵀ + b)).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.scaledColumns(
      tape.linear(x, weight: layer.weight, bias: layer.bias), by: vector, toThe: degree)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// Multiplies the rows of W and the elements of b by zᵏ.
  public func merge(into layer: LinearLayer) { scaling.merge(into: layer) }

  /// The same scale as (IA)³ has it: l = zᵏ.
  public var scaling: VectorAdapter {
    VectorAdapter(layer, side: .output, vector: vector.value.power(degree))
  }

  /// The vector of (IA)³.
  public var published: [(name: String, value: Tensor)] { scaling.published }

  /// The settings of (IA)³.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: PowerAdapter)]
  ) -> JSONObject {
    VectorAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.scaling) })
  }
}
