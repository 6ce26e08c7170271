import PEFTNetwork
import PEFTTensor

/// The head that compares the texts of pairs by their embeddings, as sentence-transformers does. It
/// has no parameters.
///
///     u, v    the pooled tokens of the first and the second text of each pair
///     cosine  z_i = cos(u_i, v_i)             [B, 1]
///     ranking z_ij = s cos(u_i, v_j)          [B, B]
///
/// The two texts of a pair are adjacent sequences of the batch. The cosine of a zero vector is 0.
final class PairHead: ModelHead {
  private let scoring: PairScoring
  /// How the tokens of a text become its embedding.
  let pooling: Pooling
  /// γ with which an RMS norm gives rows the length 1, for the second texts, and that times the
  /// scale of a ranking for the first.
  private let (first, second): (Parameter, Parameter)
  /// Ones [1, h].
  private let ones: Parameter

  /// The constant in the norm, which no square of an embedding's length reaches.
  private static let epsilon = 1e-30

  /// Creates a head for embeddings of `width` elements.
  init(_ scoring: PairScoring, pooling: Pooling, width: Int) {
    self.scoring = scoring
    self.pooling = pooling
    func constant(_ name: String, _ value: Double, _ shape: Shape) -> Parameter {
      Parameter(
        name: "pairs." + name, value: Tensor(repeating: Float(value), shape: shape),
        isTrainable: false)
    }
    let length = 1 / Double(width).squareRoot()
    let scale = if case .ranking(let scale) = scoring { scale } else { 1.0 }
    first = constant("first", scale * length, [width])
    second = constant("second", length, [width])
    ones = constant("ones", 1, [1, width])
  }

  let vocabulary: VocabularyMap? = nil

  func sections(stage: Int) -> [ParameterSection] { [] }

  var backboneLinearLayers: [LinearLayer] { [] }

  var normalizationLayers: [NormalizationLayer] { [] }

  /// The embeddings of all texts, [T, h] → [2 B, h].
  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    tape.pool(x, pooling)
  }

  func output(of features: Variable, on tape: Tape) -> Variable {
    let count = features.value.shape.rows
    precondition(count.isMultiple(of: 2), "PairHead: \(count) texts are no pairs")
    func side(_ start: Int, _ scale: Parameter) -> Variable {
      tape.rmsNorm(
        tape.rows(features, at: Array(stride(from: start, to: count, by: 2))), scale: scale,
        epsilon: Self.epsilon)
    }
    let (u, v) = (side(0, first), side(1, second))
    return switch scoring {
    case .cosine: tape.linear(tape.product(u, v), weight: ones)
    case .ranking: tape.innerProducts(u, v)
    }
  }
}
