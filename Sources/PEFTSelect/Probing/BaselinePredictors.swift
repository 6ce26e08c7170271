import PEFTNetwork
import PEFTTensor

/// Simple predictors of a group's worth, to hold influence against.
public struct BaselinePredictors: Hashable, Sendable {
  /// Σ m²: the squared norm of the mean gradient.
  public private(set) var gradientNorm: [Double]
  /// The mean squared norm of a batch's gradient: the empirical Fisher
  /// information but for a factor.
  public private(set) var fisher: [Double]
  /// Σ w².
  public let magnitude: [Double]
  /// The number of parameters.
  public let size: [Double]
  /// Uniform numbers, a function of the seed.
  public let random: [Double]

  /// The predictors of the groups of `grouping` that need no gradient; the others are zero.
  init(_ grouping: ParameterGrouping, parameters: [ModelParameter], seed: UInt64) {
    gradientNorm = Array(repeating: 0, count: grouping.count)
    fisher = gradientNorm
    magnitude = grouping.sums(of: parameters) {
      parameters[$0].parameter.value.sumsOfSquares(by: $1)
    }
    size = grouping.groups.map { Double($0.parameterCount) }
    var generator = SeededGenerator(seed: seed, purpose: "random predictor")
    random = grouping.groups.map { _ in generator.uniform() }
  }

  /// Sets those that gradients make.
  mutating func setNorms(of moments: MomentAverages, grouping: ParameterGrouping) {
    (gradientNorm, fisher) = moments.groupNorms(grouping)
  }

  /// The names of the predictors.
  public static let names = ["gradient-norm", "fisher", "magnitude", "size", "random"]

  /// Every predictor by name.
  public var all: [(name: String, values: [Double])] {
    zip(Self.names, [gradientNorm, fisher, magnitude, size, random]).map { ($0, $1) }
  }
}
