import PEFTNetwork
import PEFTTensor

/// The frozen random matrices A and B that the layers of a model share (RandLoRA, Albert et al.
/// 2025). A layer uses the first columns of A and the first rows and bases of B.
public final class SharedBases {
  /// A [r, 1, d], where d is the smaller of the most inputs and the most outputs.
  public var down: Parameter { downFactor.parameter }
  /// B [D, n, r], where D is the larger of the two and n the number of bases for d.
  public var up: Parameter { upFactor.parameter }
  private let downFactor: AdapterParameter
  private let upFactor: AdapterParameter
  /// The first layer with an adapter of these bases, among whose parameters they are listed.
  private var holder: String?

  /// The names in PEFT's files.
  static let names = ["base_model.randlora_A", "base_model.randlora_B"]

  /// Creates the bases of A [r, 1, d] and B [D, n, r].
  public init(down: Tensor, up: Tensor) {
    precondition(
      Self.areBases(down.shape, up.shape), "SharedBases: A \(down.shape) and B \(up.shape)")
    downFactor = AdapterParameter("base_model", "randlora_A", down)
    upFactor = AdapterParameter("base_model", "randlora_B", up)
  }

  /// Creates random bases of rank r for `layers`, uniform with the variance 1.
  public convenience init(
    for layers: [LinearLayer], rank: Int, using generator: SeededGenerator
  ) {
    func basis(_ name: String, _ shape: Shape) -> Tensor {
      var draws = generator.split(name)
      let bound = Float(3).squareRoot()
      return Tensor(uniform: shape, in: -bound...bound, using: &draws)
    }
    let (small, large) = Self.sides(of: layers)
    self.init(
      down: basis("randlora_A", [rank, 1, small]),
      up: basis("randlora_B", [large, RandomBases.count(rank: rank, side: small), rank]))
  }

  /// d and D for these layers.
  static func sides(of layers: [LinearLayer]) -> (small: Int, large: Int) {
    let shapes = layers.map(\.weight.shape)
    let (rows, columns) = (shapes.map(\.rows).max() ?? 1, shapes.map(\.columns).max() ?? 1)
    return (min(rows, columns), max(rows, columns))
  }

  /// Whether tensors of these shapes are A and B.
  static func areBases(_ down: Shape, _ up: Shape) -> Bool {
    down.rank == 3 && up.rank == 3 && down[1] == 1 && up[2] == down[0] && down.count > 0
      && up.count > 0
  }

  /// r.
  public var rank: Int { down.shape[0] }

  /// A and B for the first layer that asks, and nothing for the others.
  func factors(heldBy layer: String) -> [AdapterParameter] {
    if holder == nil { holder = layer }
    return holder == layer ? [downFactor, upFactor] : []
  }

  /// Whether A and B are large enough for a weight of this shape.
  func suffices(for shape: Shape) -> Bool {
    let (small, large) = (min(shape.rows, shape.columns), max(shape.rows, shape.columns))
    return down.shape[2] >= small && up.shape[0] >= large
      && up.shape[1] >= RandomBases.count(rank: rank, side: small)
  }

  /// What a layer with this smaller and this larger side uses of A and B, [r, d] and [D, n r].
  func parts(small: Int, large: Int) -> (down: Tensor, up: Tensor) {
    let count = RandomBases.count(rank: rank, side: small)
    return (
      down.value.reshaped(to: [rank, down.shape[2]]).firstColumns(small),
      up.value.reshaped(to: [up.shape[0], up.shape[1] * rank]).rows(0..<large)
        .firstColumns(count * rank)
    )
  }

  /// The bases of a weight of this shape.
  func bases(for shape: Shape) -> RandomBases {
    let (down, up) = parts(
      small: min(shape.rows, shape.columns), large: max(shape.rows, shape.columns))
    return RandomBases(down: down, up: up, for: shape)
  }
}
