import PEFTNetwork
import PEFTTensor

/// The factors of a tensor of rank R over outputs, inputs of a head, heads, kinds of matrices and
/// layers, whose slices are the deltas of all layers (LoRTA, Hounie et al. 2024).
public final class SharedTensor {
  /// A, B, and a row for each head, kind and layer.
  public let parameters: TensorFactors
  /// s.
  public let scale: Double
  private let listed: [AdapterParameter]
  /// The first layer with an adapter, among whose parameters the factors are listed.
  private var holder: String?

  /// Creates a tensor for matrices of at most `outputs` rows and `inputs` columns, with B zero and
  /// the others uniform, in ±1/√R for A and in ±√(6 / R) for the rest.
  public init(
    rank: Int, scale: Double, inputs: Int, outputs: Int, heads: Int, kinds: Int, layers: Int,
    using generator: SeededGenerator
  ) {
    func factor(
      _ name: String, _ shape: Shape, within bound: Float, _ part: AdapterFactor.Part = .silent
    ) -> AdapterParameter {
      var draws = generator.split("lorta_" + name)
      return AdapterParameter(
        "base_model", "lorta_" + name, Tensor(uniform: shape, in: -bound...bound, using: &draws),
        part: part)
    }
    let wide = (6 / Float(rank)).squareRoot()
    let down = AdapterParameter(
      "base_model", "lorta_B", Tensor(zeros: [rank, inputs / heads]))
    let rest = [
      factor("heads", [heads, rank], within: wide), factor("kinds", [kinds, rank], within: wide),
      factor("layers", [layers, rank], within: wide),
      factor("A", [outputs, rank], within: 1 / Float(rank).squareRoot()),
    ]
    listed = [down] + rest
    self.scale = scale
    parameters = TensorFactors(
      down: down.parameter, heads: rest[0].parameter, kinds: rest[1].parameter,
      layers: rest[2].parameter, up: rest[3].parameter)
  }

  /// R.
  public var rank: Int { parameters.down.shape.rows }

  /// All factors for the first layer that asks, and nothing for the others.
  func factors(heldBy layer: String) -> [AdapterParameter] {
    if holder == nil { holder = layer }
    return holder == layer ? listed : []
  }
}
