import PEFTNetwork
import PEFTTensor

/// A delta s Σ_ib λ_ib B_{i n + b} (A_i ∘ γ_b)ᵀ on a weight, or its transpose, of which λ and γ are
/// trained, and the random A and B are shared by all layers (RandLoRA, Albert et al. 2025).
public final class RandomBasesAdapter: LinearAdapter {
  /// A and B.
  public let bases: SharedBases
  /// s.
  public let scale: Double
  /// λ [r, n].
  public var weights: Parameter { weightFactor.parameter }
  /// γ [n, d], where d is the smaller side of the weight.
  public var scales: Parameter { scaleFactor.parameter }
  private let weightFactor: AdapterParameter
  private let scaleFactor: AdapterParameter
  private let sharedFactors: [AdapterParameter]

  /// The name suffixes of λ and γ.
  static let suffixes = ["randlora_lambda", "randlora_gamma"]
  /// The name suffixes of the copies of A and B that PEFT stores for every layer.
  static let copySuffixes = ["randlora_A", "randlora_B"]

  /// Creates the adapter of λ [r, n] and γ [n, d] on the module at the path `module`.
  public init(_ module: String, bases: SharedBases, scale: Double, weights: Tensor, scales: Tensor)
  {
    (self.bases, self.scale) = (bases, scale)
    weightFactor = AdapterParameter(module, Self.suffixes[0], weights)
    scaleFactor = AdapterParameter(module, Self.suffixes[1], scales, part: .silent)
    sharedFactors = bases.factors(heldBy: module)
  }

  /// Creates a new adapter of `layer` with λ zero, so that the layer's map does not change, and
  /// with γ = 1 / max(n, d).
  public convenience init(for layer: LinearLayer, bases: SharedBases, scale: Double) {
    let side = layer.largestRank
    let count = RandomBases.count(rank: bases.rank, side: side)
    self.init(
      layer.name, bases: bases, scale: scale, weights: Tensor(zeros: [bases.rank, count]),
      scales: Tensor(repeating: 1 / Float(max(count, side)), shape: [count, side]))
  }

  /// A and B at the first of the layers that share them, then λ and γ.
  public var factors: [AdapterParameter] { sharedFactors + [weightFactor, scaleFactor] }

  /// y = f(x Wᵀ + b + s x Δᵀ).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.add(
      tape.linear(x, weight: layer.weight, bias: layer.bias),
      tape.randomBasesProduct(
        x, bases.bases(for: layer.weight.shape), weights: weights, scales: scales,
        scale: Float(scale)))
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + s Δ.
  public func merge(into layer: LinearLayer) {
    let delta = bases.bases(for: layer.weight.shape).delta(weights.value, scales.value)
    layer.weight.value.add(delta, scaledBy: Float(scale))
  }

  /// λ and γ.
  public var published: [(name: String, value: Tensor)] {
    [weights, scales].map { ($0.name, $0.value) }
  }

  /// A and B, as large as the largest of these layers needs them.
  public static func shared(
    of adapted: [(layer: LinearLayer, adapter: RandomBasesAdapter)]
  ) -> [(name: String, value: Tensor)] {
    guard let bases = adapted.first?.adapter.bases else { return [] }
    let (small, large) = SharedBases.sides(of: adapted.map(\.layer))
    let (down, up) = bases.parts(small: small, large: large)
    return [
      ("randlora_A", down.reshaped(to: [bases.rank, 1, small])),
      ("randlora_B", up.reshaped(to: [large, up.shape.columns / bases.rank, bases.rank])),
    ]
  }

  /// The rank and α, and that A and B are in the file.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: RandomBasesAdapter)]
  ) -> JSONObject {
    let rank = adapted.first?.adapter.bases.rank ?? 32
    let scale = adapted.first?.adapter.scale ?? 20
    return [
      "bias": .string("none"), "init_weights": .bool(true), "peft_type": .string("RANDLORA"),
      "projection_prng_key": .integer(0), "r": .integer(rank),
      "randlora_alpha": .number(scale * Double(rank)), "randlora_dropout": .number(0),
      "save_projection": .bool(true), "sparse": .bool(false), "very_sparse": .bool(false),
    ]
  }
}
