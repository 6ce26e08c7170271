/// Measures of how far two rankings agree.
public enum RankCorrelation {
  /// Kendall's τ_b of paired values, from −1 to 1.
  ///
  ///     (concordant pairs − discordant pairs) / √(pairs untied in x · pairs untied in y)
  ///
  /// Returns 0 if either side is constant. O(n²).
  public static func kendall(_ x: [Double], _ y: [Double]) -> Double {
    precondition(x.count == y.count, "kendall: \(x.count) and \(y.count) values")
    var (sum, xPairs, yPairs) = (0, 0, 0)
    for i in x.indices {
      for j in x.indices where j > i {
        let a = sign(x[j] - x[i])
        let b = sign(y[j] - y[i])
        sum += a * b
        xPairs += a * a
        yPairs += b * b
      }
    }
    let scale = (Double(xPairs) * Double(yPairs)).squareRoot()
    return scale > 0 ? Double(sum) / scale : 0
  }

  private static func sign(_ value: Double) -> Int { value > 0 ? 1 : value < 0 ? -1 : 0 }
}
