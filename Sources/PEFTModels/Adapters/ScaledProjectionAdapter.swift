import PEFTNetwork
import PEFTTensor

/// A delta diag(l) B diag(k) A on a weight, of which only the vectors k and l are trained, and A
/// and B are shared by all layers (VeRA, Kopiczko et al. 2024).
public final class ScaledProjectionAdapter: LinearAdapter {
  /// A and B.
  public let projections: SharedProjections
  /// k [R], PEFT's λ_d.
  public var innerScale: Parameter { innerFactor.parameter }
  /// l [out], PEFT's λ_b.
  public var outerScale: Parameter { outerFactor.parameter }
  private let innerFactor: AdapterParameter
  private let outerFactor: AdapterParameter
  private let sharedFactors: [AdapterParameter]

  /// The name suffixes of k and l.
  static let suffixes = ["vera_lambda_d", "vera_lambda_b"]

  /// Creates the adapter of k [R] and l [out] on the module at the path `module`.
  public init(
    _ module: String, projections: SharedProjections, innerScale: Tensor, outerScale: Tensor
  ) {
    self.projections = projections
    innerFactor = AdapterParameter(module, Self.suffixes[0], innerScale, part: .silent)
    outerFactor = AdapterParameter(module, Self.suffixes[1], outerScale)
    sharedFactors = projections.factors(heldBy: module)
  }

  /// Creates a new adapter of `layer` with k constant and l zero, so that the layer's map does not
  /// change.
  public convenience init(
    for layer: LinearLayer, projections: SharedProjections, innerScale: Double
  ) {
    self.init(
      layer.name, projections: projections,
      innerScale: Tensor(repeating: Float(innerScale), shape: [projections.rank]),
      outerScale: Tensor(zeros: [layer.weight.shape.rows]))
  }

  /// A and B at the first of the layers that share them, then k and l.
  public var factors: [AdapterParameter] { sharedFactors + [innerFactor, outerFactor] }

  /// y = x Wᵀ + b + l ∘ ((k ∘ x Aᵀ) Bᵀ).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let (down, up) = projections.part(for: layer.weight.shape)
    let y = tape.scaledProjectionLinear(
      x, weight: layer.weight, bias: layer.bias, down: down, innerScale: innerScale, up: up,
      outerScale: outerScale)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + diag(l) B diag(k) A.
  public func merge(into layer: LinearLayer) {
    var (down, up) = projections.part(for: layer.weight.shape)
    down.scaleRows(by: innerScale.value)
    up.scaleRows(by: outerScale.value)
    layer.weight.value.addProduct(of: up, down, scale: 1)
  }

  /// k and l.
  public var published: [(name: String, value: Tensor)] {
    [innerScale, outerScale].map { ($0.name, $0.value) }
  }

  /// A and B, as large as the largest of these layers needs them.
  public static func shared(
    of adapted: [(layer: LinearLayer, adapter: ScaledProjectionAdapter)]
  ) -> [(name: String, value: Tensor)] {
    guard let projections = adapted.first?.adapter.projections else { return [] }
    let shapes = adapted.map(\.layer.weight.shape)
    let (down, up) = projections.part(
      for: [shapes.map(\.rows).max() ?? 0, shapes.map(\.columns).max() ?? 0])
    return [("vera_A", down), ("vera_B", up)]
  }

  /// The rank, and that A and B are in the file.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: ScaledProjectionAdapter)]
  ) -> JSONObject {
    [
      "bias": .string("none"), "init_weights": .bool(true), "peft_type": .string("VERA"),
      "r": .integer(adapted.first?.adapter.projections.rank ?? 256),
      "save_projection": .bool(true), "vera_dropout": .number(0),
    ]
  }
}
