import PEFTNetwork
import PEFTTensor

/// A low-rank delta on a weight whose rows have separate lengths (DoRA, Liu et al. 2024): row i of
/// the weight is m_i (W + s B A)_i / ‖(W + s B A)_i‖.
///
/// The norm is a constant of every pass: it follows W, A and B from step to step, but neither
/// gradients nor tangents go through it, as the paper proposes and PEFT implements.
public final class WeightDecomposedAdapter: LinearAdapter {
  /// A, B, s and dropout.
  public let lowRank: LowRankAdapter
  /// m [out].
  public var magnitude: Parameter { magnitudeFactor.parameter }
  private let magnitudeFactor: AdapterParameter

  /// The name suffix of m.
  static let suffix = "lora_magnitude_vector"

  /// Creates the adapter with this delta and m [out] on the module at the path `module`.
  public init(_ module: String, lowRank: LowRankAdapter, magnitude: Tensor) {
    self.lowRank = lowRank
    magnitudeFactor = AdapterParameter(module, Self.suffix, magnitude)
  }

  /// Creates a new adapter of `layer` with this delta. m is initialised to the norms, so that the
  /// layer's map does not change.
  public convenience init(for layer: LinearLayer, lowRank: LowRankAdapter) {
    self.init(
      layer.name, lowRank: lowRank,
      magnitude: lowRank.rowNorms(of: layer.weight, precision: .fp32))
  }

  /// A, B, then m.
  public var factors: [AdapterParameter] { lowRank.factors + [magnitudeFactor] }

  /// y = (m / n) ∘ z + b with z = x (W + s B A)ᵀ and n the norms of the rows of W + s B A, followed
  /// by the activation if there is one.
  ///
  /// As in PEFT, dropout d applies only to the change of the map: with dropout, z is computed from
  /// d(x), and (x − d(x)) Wᵀ is added to y.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let norms = lowRank.rowNorms(of: layer.weight, precision: tape.precision)
    let drops = tape.drops && lowRank.dropout > 0
    let dropped = drops ? tape.dropout(x, probability: lowRank.dropout) : x
    var y = tape.scaledColumns(
      tape.lowRankLinear(
        dropped, weight: layer.weight, bias: nil, down: lowRank.down, up: lowRank.up,
        scale: lowRank.scale), by: magnitude, over: norms, adding: layer.bias)
    if drops {
      y = tape.add(y, tape.linear(tape.add(x, dropped, scaledBy: -1), weight: layer.weight))
    }
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← m (W + s B A) / ‖W + s B A‖, row by row.
  public func merge(into layer: LinearLayer) {
    lowRank.merge(into: layer)
    let norms = layer.weight.value.rowNorms
    layer.weight.value.scaleRows(by: magnitude.value.divided(by: norms))
  }

  /// The configuration of the low-rank deltas, marked as DoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: WeightDecomposedAdapter)]
  ) -> JSONObject {
    var object = LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
    object["use_dora"] = .bool(true)
    return object
  }
}

extension LowRankAdapter {
  /// The norms of the rows of W + s B A, [out].
  fileprivate func rowNorms(of weight: Parameter, precision: Precision) -> Tensor {
    weight.rowNorms(adding: up.value, down.value, scale: scale, precision: precision)
  }
}
