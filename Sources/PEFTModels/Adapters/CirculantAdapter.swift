import PEFTNetwork
import PEFTTensor

/// A delta of circulant blocks on a weight (C3A, Chen et al. 2024): W + D / in, of which a kernel
/// for every block [b, b] trains.
public final class CirculantAdapter: LinearAdapter {
  /// The kernels [out / b, in / b, b].
  public var kernels: Parameter { factor.parameter }
  private let factor: AdapterParameter
  private let scale: Float
  private let isTransposed: Bool

  /// The name suffix of the kernels.
  static let suffix = "c3a_kernel"

  /// Creates the adapter of `layer` with these kernels.
  public init(for layer: LinearLayer, kernels: Tensor) {
    factor = AdapterParameter(layer.name, Self.suffix, kernels)
    scale = 1 / Float(layer.weight.shape.columns)
    isTransposed = layer.weight.isTransposedInFiles
  }

  /// Creates a new adapter of `layer` with blocks of size `block` and kernels of zeros, so that the
  /// layer's map does not change.
  public convenience init(for layer: LinearLayer, block: Int) {
    let shape = layer.weight.shape
    precondition(
      shape.rows.isMultiple(of: block) && shape.columns.isMultiple(of: block),
      "CirculantAdapter: blocks of \(block) for \(shape)")
    self.init(
      for: layer, kernels: Tensor(zeros: [shape.rows / block, shape.columns / block, block]))
  }

  /// b.
  public var block: Int { kernels.shape[2] }

  /// The kernels.
  public var factors: [AdapterParameter] { [factor] }

  /// y = f(x Wᵀ + b + x Dᵀ / in).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.add(
      tape.linear(x, weight: layer.weight, bias: layer.bias),
      tape.circulantProduct(x, kernels: kernels, scale: scale))
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + D / in.
  public func merge(into layer: LinearLayer) {
    layer.weight.value.add(CirculantBlocks.matrix(kernels.value), scaledBy: scale)
  }

  /// Whether PEFT has such adapters of the layer. It has none where files hold the transpose of the
  /// weight, as GPT-2's do.
  public var hasPublishedForm: Bool { !isTransposed }

  /// The size of the blocks, as patterns where it differs.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: CirculantAdapter)]
  ) -> JSONObject {
    var blocks = JSONObject()
    for (layer, adapter) in adapted { blocks[layer.name] = .integer(adapter.block) }
    let isUniform = Set(adapted.map(\.adapter.block)).count <= 1
    return [
      "bias": .string("none"), "block_size": .integer(adapted.first?.adapter.block ?? 1),
      "block_size_pattern": .object(isUniform ? [:] : blocks), "init_weights": .bool(true),
      "peft_type": .string("C3A"),
    ]
  }
}
