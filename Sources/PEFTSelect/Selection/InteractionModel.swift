import PEFTTensor

/// The quadratic model of the loss in the joint steps of all groups.
///
///     ΔL(η) ≈ −bᵀη + ½ ηᵀ (A + R) η,     η [K] the step of each group
///
/// If only the groups in S move, the best steps are η_S = (A_SS + R_SS)⁻¹ b_S and reduce the loss
/// by
///
///     V(S) = ½ b_Sᵀ (A_SS + R_SS)⁻¹ b_S
///
/// This is not a sum over S: two groups that do the same job count once, and two that help each
/// other count more. R is a diagonal ridge of the standard errors of the curvatures, so that a
/// curvature the probe could not distinguish from zero is not used as a divisor. In addition, 10⁻⁹
/// of each a_k is added, so that A + R stays positive definite even for exact duplicates.
public struct InteractionModel: Sendable {
  /// b [K].
  public let slopes: [Double]
  /// A + R [K, K], row-major.
  let matrix: [Double]

  /// Creates the model from slopes b [K], interactions A [K, K] and ridge R [K].
  public init(slopes: [Double], interactions: [Double], ridge: [Double]) {
    let count = slopes.count
    precondition(
      interactions.count == count * count && ridge.count == count,
      "InteractionModel: \(count) slopes, \(interactions.count) interactions, \(ridge.count) ridges"
    )
    self.slopes = slopes
    var matrix = interactions
    for index in 0..<count {
      matrix[index * count + index] +=
        ridge[index] + Self.leastRidge * interactions[index * count + index]
    }
    self.matrix = matrix
  }

  /// The smallest ridge, as a fraction of the curvature.
  private static let leastRidge = 1e-9

  /// The number of groups, K.
  public var count: Int { slopes.count }

  /// A_jk + R_jk.
  subscript(row: Int, column: Int) -> Double { matrix[row * count + column] }

  /// V(S), by Cholesky factorisation; 0 if A_SS + R_SS is not positive definite, which means that
  /// the probe found nothing there.
  ///
  /// Cost: O(|S|³).
  public func value(of subset: [Int]) -> Double {
    let b = subset.map { slopes[$0] }
    let part = subset.flatMap { row in subset.map { self[row, $0] } }
    guard let steps = LinearAlgebra.solve(symmetric: part, b) else { return 0 }
    return max(0, 0.5 * zip(b, steps).reduce(0) { $0 + $1.0 * $1.1 })
  }

  /// Σ b² / 2(a + r) over S, the value without interactions.
  public func additiveValue(of subset: [Int]) -> Double {
    subset.reduce(0) { sum, index in
      let curvature = self[index, index]
      return curvature > 0 ? sum + slopes[index] * slopes[index] / (2 * curvature) : sum
    }
  }
}
