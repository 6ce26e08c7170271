import Foundation

/// Student's t distribution with a whole number of degrees of freedom, by its finite series
/// (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4).
package struct StudentDistribution {
  private let degrees: Int

  /// Creates the distribution with `degrees` degrees of freedom, at least 1.
  package init(degrees: Int) {
    precondition(degrees > 0, "StudentDistribution: \(degrees) degrees of freedom")
    self.degrees = degrees
  }

  /// The probability that |T| is at most `bound`, which must not be negative.
  package func probability(within bound: Double) -> Double {
    let angle = atan(bound / Double(degrees).squareRoot())
    let (sine, cosine) = (sin(angle), cos(angle))
    var sum = 0.0
    if degrees.isMultiple(of: 2) {
      var term = 1.0
      for k in stride(from: 2, through: degrees, by: 2) {
        sum += term
        term *= cosine * cosine * Double(k - 1) / Double(k)
      }
      return sine * sum
    }
    var term = cosine
    for k in stride(from: 3, through: degrees, by: 2) {
      sum += term
      term *= cosine * cosine * Double(k - 1) / Double(k)
    }
    return 2 / .pi * (angle + sine * sum)
  }

  /// The bound below which |T| stays with `probability`, which must be below 1.
  package func bound(keptWith probability: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while self.probability(within: high) < probability { high *= 2 }
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if self.probability(within: middle) < probability { low = middle } else { high = middle }
    }
    return high
  }
}
