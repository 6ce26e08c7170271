import PEFTNetwork
import PEFTTensor

/// A delta that is a slice of one tensor of low rank for all layers (LoRTA, Hounie et al. 2024).
public final class TensorAdapter: LinearAdapter {
  /// The tensor, shared by all layers.
  public let tensor: SharedTensor
  /// The row of the kind of this matrix among the tensor's factors.
  public let kind: Int
  /// The row of its layer.
  public let place: Int
  private let layer: String
  private let shape: Shape
  private let heldFactors: [AdapterParameter]

  /// Creates the adapter of `layer` with these rows of the shared factors.
  public init(for layer: LinearLayer, tensor: SharedTensor, kind: Int, place: Int) {
    (self.tensor, self.kind, self.place) = (tensor, kind, place)
    (self.layer, shape) = (layer.name, layer.weight.shape)
    heldFactors = tensor.factors(heldBy: layer.name)
  }

  /// The factors at the first of the layers that share them, and nothing at the others.
  public var factors: [AdapterParameter] { heldFactors }

  /// y = x Wᵀ + b + s (c ∘ x Gᵀ) Aᵀ.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let delta = tape.tensorProduct(
      x, tensor.parameters, kind: kind, layer: place, outputs: shape.rows,
      scale: Float(tensor.scale))
    let y = tape.add(tape.linear(x, weight: layer.weight, bias: layer.bias), delta)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + s A diag(c) G.
  public func merge(into layer: LinearLayer) { lowRank.merge(into: layer) }

  /// The same delta as a LoRA of rank R with the factors diag(c) G and A.
  public var lowRank: LowRankAdapter {
    let slice = TensorSlice(
      tensor.parameters, kind: kind, layer: place, inputs: shape.columns, outputs: shape.rows)
    var down = slice.down
    down.scaleRows(by: slice.middle)
    return LowRankAdapter(layer, down: down, up: slice.up, scale: tensor.scale)
  }

  /// The tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] { lowRank.published }

  /// The settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: TensorAdapter)]
  ) -> JSONObject {
    LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
  }
}
