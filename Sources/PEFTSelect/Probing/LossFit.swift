import PEFTTensor

/// The paper's estimator: evaluates the loss at several points along a group's direction and fits a
/// parabola through the origin (GeN, arXiv 2407.02772).
///
///     D(x) = L(w − x g) − L(w) ≈ −b x + ½ a x²,     x = c h for the multipliers c
///
/// The fit is by least squares. R² says something only about the slope, so both coefficients carry
/// standard errors, and the curvature has a test of its own. Losses are summed in Double. The step
/// h is chosen for each group so that neither |b| h nor ½ |a| h² exceeds `reach` · L, with first
/// guesses of b and a from `OneWalkProbe`. With a much smaller step, Float32 losses contain no
/// information about a; with a larger one, the parabola is no longer valid.
public struct LossFit: Hashable, Sendable {
  /// The multipliers c: distinct, non-zero, and at least three, so that a residual is left to judge
  /// the fit.
  public let multipliers: [Double]
  /// The minimum R² of an accepted fit, computed about zero: 1 − Σ residual² / Σ D².
  public var leastDetermination = 0.99
  /// The fraction of the loss that a step may change.
  public var reach = 0.02
  /// The step h; nil chooses it for each group.
  public var step: Double?

  /// Creates a fit with these multipliers. Returns nil for fewer than three distinct non-zero ones:
  /// a parabola through the origin and two points has R² = 1 even on pure noise.
  public init?(multipliers: [Double]) {
    guard Set(multipliers).count == multipliers.count, multipliers.count >= 3,
      multipliers.allSatisfy({ $0.isFinite && $0 != 0 })
    else { return nil }
    self.multipliers = multipliers
  }

  /// Creates a fit with the paper's multipliers −2, −1, 1, 2.
  public init() { multipliers = [-2, -1, 1, 2] }

  /// A fitted parabola.
  package struct Parabola: Hashable {
    package let slope: Double
    package let curvature: Double
    package let slopeVariance: Double
    package let curvatureVariance: Double
    package let covariance: Double
    package let determination: Double
  }

  /// Fits changes D of the loss at steps x. With n points, σ² = Σ residual² / (n − 2), and the
  /// covariance of the coefficients is σ² (XᵀX)⁻¹.
  package func fit(steps x: [Double], changes: [Double]) -> Parabola? {
    // Columns are scaled, because the powers of x may be tiny.
    guard let unit = x.map(abs).max(), unit > 0, unit.isFinite else { return nil }
    let design = x.flatMap { [-($0 / unit), 0.5 * ($0 / unit) * ($0 / unit)] }
    guard
      let solution = LinearAlgebra.leastSquares(
        matrix: design, rows: x.count, columns: 2, rightHandSide: changes)
    else { return nil }
    let residuals = zip(x, changes).map { x, change in
      change - (-solution[0] * x / unit + 0.5 * solution[1] * (x / unit) * (x / unit))
    }
    let residual = residuals.reduce(0) { $0 + $1 * $1 }
    let total = changes.reduce(0) { $0 + $1 * $1 }
    var (xx, xy, yy) = (0.0, 0.0, 0.0)
    for row in stride(from: 0, to: design.count, by: 2) {
      xx += design[row] * design[row]
      xy += design[row] * design[row + 1]
      yy += design[row + 1] * design[row + 1]
    }
    let determinant = xx * yy - xy * xy
    guard determinant > 0 else { return nil }
    let variance = residual / Double(x.count - 2) / determinant
    return Parabola(
      slope: solution[0] / unit, curvature: solution[1] / (unit * unit),
      slopeVariance: variance * yy / (unit * unit),
      curvatureVariance: variance * xx / (unit * unit * unit * unit),
      covariance: -variance * xy / (unit * unit * unit),
      determination: total > 0 ? 1 - residual / total : 0)
  }

  /// Whether a fit is accepted: R² above the threshold, a falling loss, and a curvature above its
  /// noise, which is the standard error times the 95 % quantile of Student's t with n − 2 degrees
  /// of freedom (one-sided).
  package func accepts(_ parabola: Parabola) -> Bool {
    let noise =
      StudentDistribution(degrees: multipliers.count - 2).bound(keptWith: 0.9)
      * parabola.curvatureVariance.squareRoot()
    return parabola.slope > 0 && parabola.curvature > max(0, noise)
      && parabola.determination >= leastDetermination
  }

  /// The step h for a group with these first guesses and a loss of this size; nil if the group
  /// cannot move.
  func stepSize(slope: Double, curvature: Double, loss: Double) -> Double? {
    if let step { return step }
    let limit = reach * max(abs(loss), 1e-3)
    let bySlope = slope == 0 ? Double.infinity : limit / abs(slope)
    let byCurvature = curvature == 0 ? Double.infinity : (2 * limit / abs(curvature)).squareRoot()
    let step = min(bySlope, byCurvature)
    return step.isFinite && step > 0 ? step : nil
  }
}
