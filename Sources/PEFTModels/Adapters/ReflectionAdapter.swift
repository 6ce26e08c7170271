import PEFTNetwork
import PEFTTensor

/// A product of reflections of the inputs of a layer (HRA, Yuan et al. 2024): the weight becomes
/// W H₁ H₂ ⋯ H_R with H_i = I − 2 û_i û_iᵀ. The singular values of W do not change.
public final class ReflectionAdapter: LinearAdapter {
  /// The columns u_i, [in, R], of any length.
  public var columns: Parameter { factor.parameter }
  private let factor: AdapterParameter
  private let layer: String
  private let weight: Parameter

  /// The name suffix of the columns.
  static let suffix = "hra_u"

  /// Creates the adapter of `layer` with these columns [in, R].
  public init(for layer: LinearLayer, columns: Tensor) {
    precondition(
      columns.shape.rank == 2 && columns.shape.rows == layer.weight.shape.columns,
      "ReflectionAdapter: columns \(columns.shape) for \(layer.weight.shape)")
    (self.layer, weight) = (layer.name, layer.weight)
    factor = AdapterParameter(layer.name, Self.suffix, columns)
  }

  /// Creates a new adapter of `layer` whose columns are equal in pairs, so that the reflections
  /// cancel and the layer's map does not change.
  public convenience init(for layer: LinearLayer, rank: Int, using generator: SeededGenerator) {
    precondition(rank > 0 && rank.isMultiple(of: 2), "ReflectionAdapter: rank \(rank) is not even")
    let inputs = layer.weight.shape.columns
    var draws = generator.split(layer.name + "." + Self.suffix)
    let bound = 1 / Float(inputs).squareRoot()
    let half = Tensor(uniform: [inputs, rank / 2], in: -bound...bound, using: &draws).elements
    self.init(
      for: layer,
      columns: Tensor((0..<inputs * rank).map { half[$0 / 2] }, shape: [inputs, rank]))
  }

  /// R.
  public var rank: Int { columns.shape.columns }

  /// The columns.
  public var factors: [AdapterParameter] { [factor] }

  /// y = f((x Qᵀ) Wᵀ + b), Q = H₁ H₂ ⋯ H_R.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    tape.linear(
      tape.reflectedColumns(x, by: columns), weight: layer.weight, bias: layer.bias,
      activation: activation)
  }

  /// W ← W Q.
  public func merge(into layer: LinearLayer) { lowRank.merge(into: layer) }

  /// The same change of the layer's weight as a LoRA of rank R.
  public var lowRank: LowRankAdapter {
    let (down, up) = Reflections(columns: columns.value).change(of: weight.value)
    return LowRankAdapter(layer, down: down, up: up, scale: 1)
  }

  /// Whether PEFT has such adapters of the layer. It has none of layers whose files hold the
  /// transpose of the weight, as GPT-2's do; they become LoRAs.
  private var isKnownToPEFT: Bool { !weight.isTransposedInFiles }

  /// The columns, or the tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] {
    isKnownToPEFT ? [(columns.name, columns.value)] : lowRank.published
  }

  /// The rank, or the settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: ReflectionAdapter)]
  ) -> JSONObject {
    guard adapted.allSatisfy(\.adapter.isKnownToPEFT) else {
      return LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
    }
    return [
      "apply_GS": .bool(false), "bias": .string("none"), "init_weights": .bool(true),
      "peft_type": .string("HRA"), "r": .integer(adapted.first?.adapter.rank ?? 8),
    ]
  }
}
