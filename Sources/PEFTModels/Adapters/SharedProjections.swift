import PEFTNetwork
import PEFTTensor

/// The frozen projections A and B that the layers of a model share (VeRA, Kopiczko et al. 2024). A
/// layer uses the first columns of A and the first rows of B.
public final class SharedProjections {
  /// A [R, the largest in].
  public var down: Parameter { downFactor.parameter }
  /// B [the largest out, R].
  public var up: Parameter { upFactor.parameter }
  private let downFactor: AdapterParameter
  private let upFactor: AdapterParameter
  /// The first layer with an adapter of these projections, among whose parameters they are listed.
  private var holder: String?

  /// The names in PEFT's files.
  static let names = ["base_model.vera_A", "base_model.vera_B"]

  /// Creates the projections A [R, in] and B [out, R].
  public init(down: Tensor, up: Tensor) {
    precondition(
      down.shape.rank == 2 && up.shape.rank == 2 && down.shape.rows == up.shape.columns,
      "SharedProjections: A \(down.shape) and B \(up.shape)")
    downFactor = AdapterParameter("base_model", "vera_A", down)
    upFactor = AdapterParameter("base_model", "vera_B", up)
  }

  /// Creates random projections of rank R for `layers`, each with the variance 2 / its columns.
  public convenience init(
    for layers: [LinearLayer], rank: Int, using generator: SeededGenerator
  ) {
    func projection(_ name: String, _ rows: Int, _ columns: Int) -> Tensor {
      var draws = generator.split(name)
      let bound = (6 / Float(columns)).squareRoot()
      return Tensor(uniform: [rows, columns], in: -bound...bound, using: &draws)
    }
    self.init(
      down: projection("vera_A", rank, layers.map(\.weight.shape.columns).max() ?? 1),
      up: projection("vera_B", layers.map(\.weight.shape.rows).max() ?? 1, rank))
  }

  /// R.
  public var rank: Int { down.shape.rows }

  /// A and B for the first layer that asks, and nothing for the others.
  func factors(heldBy layer: String) -> [AdapterParameter] {
    if holder == nil { holder = layer }
    return holder == layer ? [downFactor, upFactor] : []
  }

  /// The first columns of A and rows of B, for a weight of this shape.
  func part(for shape: Shape) -> (down: Tensor, up: Tensor) {
    (down.value.firstColumns(shape.columns), up.value.rows(0..<shape.rows))
  }
}
