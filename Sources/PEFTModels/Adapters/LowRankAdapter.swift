import PEFTNetwork
import PEFTTensor

/// The low-rank delta s · B A on a weight (LoRA, Hu et al. 2021).
public final class LowRankAdapter: LinearAdapter {
  /// A [R, in].
  public var down: Parameter { downFactor.parameter }
  /// B [out, R].
  public var up: Parameter { upFactor.parameter }
  /// s.
  public let scale: Double
  /// The probability of dropping an element of the delta's input.
  public let dropout: Double
  /// Whether files hold s as α / √R instead of α / R.
  public let isRankStabilized: Bool
  /// Whether a method has yet to choose the rank, or that there is no delta. A run's files say what
  /// it chose.
  package let hasOpenRank: Bool
  private let downFactor: AdapterParameter
  private let upFactor: AdapterParameter

  /// The name suffixes of A and B.
  static let suffixes = ["lora_A.weight", "lora_B.weight"]

  /// Creates the delta of A [R, in] and B [out, R] on the weight of the module at the path
  /// `module`.
  ///
  /// - Parameter upRate: the factor by which B's learning rate differs from that of the run.
  public convenience init(
    _ module: String, down: Tensor, up: Tensor, scale: Double, dropout: Double = 0,
    isRankStabilized: Bool = false, upRate: Double = 1
  ) {
    self.init(
      module, down: down, up: up, scale: scale, dropout: dropout,
      isRankStabilized: isRankStabilized, upRate: upRate, hasOpenRank: false)
  }

  private init(
    _ module: String, down: Tensor, up: Tensor, scale: Double, dropout: Double,
    isRankStabilized: Bool, upRate: Double, hasOpenRank: Bool
  ) {
    downFactor = AdapterParameter(module, Self.suffixes[0], down, part: .silent)
    upFactor = AdapterParameter(
      module, Self.suffixes[1], up, part: .columnPrefixes, rateFactor: upRate)
    self.scale = scale
    self.dropout = dropout
    self.isRankStabilized = isRankStabilized
    self.hasOpenRank = hasOpenRank
  }

  /// Creates a new delta of rank R on the weight of `layer`, with A uniform in ±1/√in and B zero,
  /// so that the layer's map does not change. The random numbers for a rank begin with those for
  /// any lower rank.
  public convenience init(
    for layer: LinearLayer, rank: Int, scale: Double, dropout: Double = 0,
    isRankStabilized: Bool = false, upRate: Double = 1, using generator: SeededGenerator
  ) {
    self.init(
      for: layer, rank: rank, scale: scale, dropout: dropout, isRankStabilized: isRankStabilized,
      upRate: upRate, hasOpenRank: false, using: generator)
  }

  /// Creates a new delta of rank R, which may be the largest of those that a method chooses from.
  convenience init(
    for layer: LinearLayer, rank: Int, scale: Double, dropout: Double = 0,
    isRankStabilized: Bool = false, upRate: Double = 1, hasOpenRank: Bool,
    using generator: SeededGenerator
  ) {
    let (outputs, inputs) = (layer.weight.shape[0], layer.weight.shape[1])
    var draws = generator.split(layer.name + "." + Self.suffixes[0])
    let bound = 1 / Float(inputs).squareRoot()
    self.init(
      layer.name, down: Tensor(uniform: [rank, inputs], in: -bound...bound, using: &draws),
      up: Tensor(zeros: [outputs, rank]), scale: scale, dropout: dropout,
      isRankStabilized: isRankStabilized, upRate: upRate, hasOpenRank: hasOpenRank)
  }

  /// R.
  public var rank: Int { down.shape[0] }

  /// A, then B.
  public var factors: [AdapterParameter] { [downFactor, upFactor] }

  /// y = x Wᵀ + b + s · d(x) Aᵀ Bᵀ.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.lowRankLinear(
      x, weight: layer.weight, bias: layer.bias, down: down, up: up, scale: scale,
      dropout: dropout)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + s B A.
  public func merge(into layer: LinearLayer) {
    layer.weight.value.addProduct(of: up.value, down.value, scale: Float(scale))
  }

  /// s times the rank, or times its root.
  private func alpha(isRankStabilized: Bool) -> Double {
    scale * (isRankStabilized ? Double(rank).squareRoot() : Double(rank))
  }

  /// The ranks and alphas, as patterns where they differ. Patterns contain the full name of each
  /// layer, so their order does not matter. The scales are stored rank-stabilised if all of them
  /// are.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: LowRankAdapter)]
  ) -> JSONObject {
    var (ranks, alphas) = (JSONObject(), JSONObject())
    let isRankStabilized = !adapted.isEmpty && adapted.allSatisfy(\.adapter.isRankStabilized)
    for (layer, adapter) in adapted {
      ranks[layer.name] = .integer(adapter.rank)
      alphas[layer.name] = .number(adapter.alpha(isRankStabilized: isRankStabilized))
    }
    let rank = adapted.first?.adapter.rank ?? 8
    let alpha =
      adapted.first?.adapter.alpha(isRankStabilized: isRankStabilized) ?? Double(rank)
    let isUniform = Set(adapted.map { [Double($0.adapter.rank), $0.adapter.scale] }).count <= 1
    return [
      "alpha_pattern": .object(isUniform ? [:] : alphas), "bias": .string("none"),
      "init_lora_weights": .bool(true), "lora_alpha": .number(alpha), "lora_dropout": .number(0),
      "peft_type": .string("LORA"), "r": .integer(rank),
      "rank_pattern": .object(isUniform ? [:] : ranks), "use_dora": .bool(false),
      "use_rslora": .bool(isRankStabilized),
    ]
  }
}
