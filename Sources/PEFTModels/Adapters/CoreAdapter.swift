import PEFTNetwork
import PEFTTensor

/// A delta U R V on a weight, of which only the small core R is trained (LoRA-XS, Bałazy et al.
/// 2024).
public final class CoreAdapter: LinearAdapter {
  /// V [R, in], the frame of the inputs.
  public var down: Parameter { downFactor.parameter }
  /// R [R, R].
  public var core: Parameter { coreFactor.parameter }
  /// U [out, R], the frame of the outputs.
  public var up: Parameter { upFactor.parameter }
  private let layer: String
  private let downFactor: AdapterParameter
  private let coreFactor: AdapterParameter
  private let upFactor: AdapterParameter

  /// Creates the delta of U [out, R], R [R, R] and V [R, in] on the weight of the module at the
  /// path `module`.
  public init(_ module: String, down: Tensor, core: Tensor, up: Tensor) {
    layer = module
    downFactor = AdapterParameter(module, "core_A.weight", down)
    coreFactor = AdapterParameter(module, "core_R.weight", core)
    upFactor = AdapterParameter(module, "core_B.weight", up)
  }

  /// Creates a new delta of rank R on the weight of `layer`, whose core and frames are zero.
  public convenience init(for layer: LinearLayer, rank: Int) {
    let shape = layer.weight.shape
    self.init(
      layer.name, down: Tensor(zeros: [rank, shape.columns]), core: Tensor(zeros: [rank, rank]),
      up: Tensor(zeros: [shape.rows, rank]))
  }

  /// R.
  public var rank: Int { core.shape.rows }

  /// V, R, then U.
  public var factors: [AdapterParameter] { [downFactor, coreFactor, upFactor] }

  /// y = x Wᵀ + b + x Vᵀ Rᵀ Uᵀ. The frames are constants.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.coreLinear(
      x, weight: layer.weight, bias: layer.bias, down: down.value, core: core, up: up.value)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + U R V.
  public func merge(into layer: LinearLayer) { lowRank.merge(into: layer) }

  /// The same delta as a LoRA of rank R with A = V, B = U R and s = 1.
  public var lowRank: LowRankAdapter {
    var product = Tensor(zeros: up.shape)
    product.addProduct(of: up.value, core.value, scale: 1)
    return LowRankAdapter(layer, down: down.value, up: product, scale: 1)
  }

  /// The tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] { lowRank.published }

  /// The settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: CoreAdapter)]
  ) -> JSONObject {
    LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
  }
}
