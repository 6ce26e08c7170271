import PEFTModels
import PEFTNetwork
import PEFTTensor

extension TransformerModel {
  /// How far the features move along `directions`, for one unit of a step.
  ///
  /// The features are the hidden states that are the input of the head. With h_td feature d of
  /// token t and Δ_td its tangent, the movement is the root of the mean over d of
  ///
  ///     2 mean_t Δ_td² / (var_t h_td + v),     v = mean_d var_t h_td
  ///
  /// A large feature is thus measured by its own spread, so that a few very large ones do not
  /// decide alone, and one that hardly varies by the spread of all. Unlike a change of the outputs,
  /// the movement does not depend on how far the head has been trained.
  ///
  /// - Returns: 0 if nothing moves.
  package func featureMovement(
    along directions: [Parameter: Tensor], on texts: [PackedBatch], precision: Precision
  ) -> Double {
    var moments = FeatureMoments(width: configuration.hiddenSize)
    for batch in texts {
      let tape = Tape(precision: precision)
      let features = hidden(batch, on: tape)
      moments.add(features.value, tangent: tape.tangent(of: features, along: directions))
    }
    return moments.movement
  }
}

/// Sums over tokens of features and of their tangents.
private struct FeatureMoments {
  private let width: Int
  private var count = 0.0
  private var sums: [Double]
  private var squares: [Double]
  private var movements: [Double]

  init(width: Int) {
    self.width = width
    sums = Array(repeating: 0, count: width)
    squares = sums
    movements = sums
  }

  mutating func add(_ features: Tensor, tangent: Tensor) {
    precondition(
      features.shape == tangent.shape && features.shape.columns == width,
      "featureMovement: features \(features.shape), tangent \(tangent.shape)")
    count += Double(features.shape.rows)
    features.withUnsafeElements { features in
      tangent.withUnsafeElements { tangent in
        for index in features.indices {
          let (value, change) = (Double(features[index]), Double(tangent[index]))
          let feature = index % width
          sums[feature] += value
          squares[feature] += value * value
          movements[feature] += change * change
        }
      }
    }
  }

  var movement: Double {
    let spreads = zip(sums, squares).map { sum, square in max(0, square - sum * sum / count) }
    let common = spreads.reduce(0, +) / Double(width)
    guard common > 0 else { return 0 }
    let sum = zip(movements, spreads).reduce(0) { $0 + 2 * $1.0 / ($1.1 + common) }
    return (sum / Double(width)).squareRoot()
  }
}
