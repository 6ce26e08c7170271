import PEFTNetwork
import PEFTTensor

/// The change of a low-rank product, s (B A − B₀ A₀), on a weight, for factors that do not start at
/// zero (PiSSA, Meng et al. 2024).
///
/// PiSSA itself subtracts s B₀ A₀ from the weight and adds s B A to the rest. The sum is the same,
/// but here the weight remains that of the base model, to which files of a run refer.
public final class LowRankChangeAdapter: LinearAdapter {
  /// A, B and s.
  public let lowRank: LowRankAdapter
  /// A₀ [R, in].
  public var startDown: Parameter { startDownFactor.parameter }
  /// B₀ [out, R].
  public var startUp: Parameter { startUpFactor.parameter }
  private let startDownFactor: AdapterParameter
  private let startUpFactor: AdapterParameter
  private let layer: String

  /// Creates the change of `lowRank` since its factors were A₀ [R, in] and B₀ [out, R], on the
  /// weight of the module at the path `module`.
  public init(_ module: String, _ lowRank: LowRankAdapter, startDown: Tensor, startUp: Tensor) {
    layer = module
    self.lowRank = lowRank
    startDownFactor = AdapterParameter(module, "start_A.weight", startDown)
    startUpFactor = AdapterParameter(module, "start_B.weight", startUp)
  }

  /// A, B, A₀, then B₀. The first two are not at zero, so nothing is assumed about them.
  public var factors: [AdapterParameter] {
    lowRank.factors.map { $0.withoutAssumptions } + [startDownFactor, startUpFactor]
  }

  /// Makes A and B, and A₀ and B₀, these factors.
  func start(down: Tensor, up: Tensor) {
    (lowRank.down.value, lowRank.up.value) = (down, up)
    (startDown.value, startUp.value) = (down, up)
  }

  /// y = x Wᵀ + b + s · (d(x) Aᵀ Bᵀ − x A₀ᵀ B₀ᵀ).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.lowRankLinear(
      x, weight: layer.weight, bias: layer.bias, down: lowRank.down, up: lowRank.up,
      scale: lowRank.scale, dropout: lowRank.dropout, minus: (startDown.value, startUp.value))
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + s (B A − B₀ A₀).
  public func merge(into layer: LinearLayer) { equivalent.merge(into: layer) }

  /// The same change as a LoRA of rank 2 R with the factors [A; A₀] and [B, −B₀].
  public var equivalent: LowRankAdapter {
    var negative = Tensor(zeros: startUp.shape)
    negative.add(startUp.value, scaledBy: -1)
    return LowRankAdapter(
      layer, down: lowRank.down.value.above(startDown.value),
      up: lowRank.up.value.transposed.above(negative.transposed).transposed, scale: lowRank.scale)
  }

  /// The tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] { equivalent.published }

  /// The settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: LowRankChangeAdapter)]
  ) -> JSONObject {
    LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.equivalent) })
  }
}
