import Foundation

/// How well probabilities say how often answers are right.
public enum Calibration {
  /// The number of bins of the expected calibration error.
  public static let binCount = 15

  /// The expected calibration error (Naeini et al. 2015; Guo et al. 2017): rows are put into
  /// `binCount` bins of equal width by the probability of their answer, and
  ///
  ///     ECE = Σ_b (n_b / n) |share of right answers in b − mean probability in b|.
  ///
  /// Bin b has the probabilities above b / binCount up to (b + 1) / binCount. O(n).
  ///
  /// - Returns: nil if a probability is not finite, as after divergence.
  public static func expectedError(probabilities: [Double], isRight: [Bool]) -> Double? {
    precondition(
      probabilities.count == isRight.count && !isRight.isEmpty,
      "expectedError: \(probabilities.count) probabilities, \(isRight.count) answers")
    guard probabilities.allSatisfy(\.isFinite) else { return nil }
    var sums = [Double](repeating: 0, count: binCount)
    for (probability, isRight) in zip(probabilities, isRight) {
      let bin = Int((probability * Double(binCount)).rounded(.up)) - 1
      sums[min(binCount - 1, max(0, bin))] += (isRight ? 1 : 0) - probability
    }
    return sums.reduce(0) { $0 + abs($1) } / Double(isRight.count)
  }

  /// The smallest and the largest temperature.
  public static let temperatures = 0.05...20.0

  /// The temperature T at which softmax(z / T) gives the true classes the highest likelihood.
  ///
  /// The mean negative log-likelihood is convex in 1 / T, with the derivative mean(E_p z − z_y) and
  /// the second derivative mean Var_p z; the solution is found by Newton's method between bounds.
  ///
  /// - Parameters:
  ///   - logits: n rows of C logits, row after row.
  ///   - labels: the n > 0 true classes.
  public static func temperature(logits: [Float], labels: [Int]) -> Double {
    let width = logits.count / max(1, labels.count)
    precondition(
      !labels.isEmpty && width * labels.count == logits.count,
      "temperature: \(logits.count) logits for \(labels.count) rows")
    func derivatives(_ inverse: Double) -> (first: Double, second: Double) {
      var (first, second) = (0.0, 0.0)
      for (row, label) in labels.enumerated() {
        let own = logits[row * width..<(row + 1) * width]
        let largest = Double(own.max() ?? 0)
        var (sum, mean, square) = (0.0, 0.0, 0.0)
        for logit in own {
          let distance = Double(logit) - largest
          let weight = exp(inverse * distance)
          sum += weight
          mean += weight * distance
          square += weight * distance * distance
        }
        first += mean / sum - (Double(own[row * width + label]) - largest)
        second += square / sum - (mean / sum) * (mean / sum)
      }
      return (first, second)
    }
    var (low, high) = (1 / temperatures.upperBound, 1 / temperatures.lowerBound)
    if derivatives(low).first >= 0 { return 1 / low }
    if derivatives(high).first <= 0 { return 1 / high }
    var inverse = 1.0
    for _ in 0..<60 {
      let (first, second) = derivatives(inverse)
      if first > 0 { high = inverse } else { low = inverse }
      let next = inverse - first / max(second, .leastNormalMagnitude)
      let step = next > low && next < high ? next : (low * high).squareRoot()
      if abs(step - inverse) <= 1e-9 * inverse { break }
      inverse = step
    }
    return 1 / inverse
  }
}
