import PEFTNetwork
import PEFTTensor

/// Simple predictors of a group's value, used as baselines for influence.
public struct BaselinePredictors: Hashable, Sendable {
  /// Σ m²: the squared norm of the mean gradient.
  public private(set) var gradientNorm: [Double]
  /// The mean squared norm of a batch's gradient, which is the empirical Fisher information up to a
  /// factor.
  public private(set) var fisher: [Double]
  /// Σ w².
  public let magnitude: [Double]
  /// The number of parameters.
  public let size: [Double]
  /// Uniform random numbers, a function of the seed.
  public let random: [Double]

  /// Computes the predictors for `grouping` that need no gradient; the others are zero, and so is
  /// the magnitude of single elements, which gradients have yet to choose.
  init(_ grouping: ParameterGrouping, parameters: [ModelParameter], seed: UInt64) {
    gradientNorm = Array(repeating: 0, count: grouping.count)
    fisher = gradientNorm
    magnitude = grouping.sums(of: parameters, elements: [:]) {
      parameters[$0].parameter.plainValue.sumsOfSquares(by: $1)
    } values: { _, _ in
      []
    }
    size = grouping.groups.map { Double($0.parameterCount) }
    var generator = SeededGenerator(seed: seed, purpose: "random predictor")
    random = grouping.groups.map { _ in generator.uniform() }
  }

  /// Sets the predictors that gradients determine.
  mutating func setNorms(of moments: MomentAverages, grouping: ParameterGrouping) {
    (gradientNorm, fisher) = moments.groupNorms(grouping)
  }

  /// The names of the predictors.
  public static let names = ["gradient-norm", "fisher", "magnitude", "size", "random"]

  /// All predictors with their names.
  public var all: [(name: String, values: [Double])] {
    zip(Self.names, [gradientNorm, fisher, magnitude, size, random]).map { ($0, $1) }
  }
}
