import Foundation

/// How the probabilities of a module's dimensions have moved in the rounds of a search.
///
/// Their instability is the standard deviation over the rounds, averaged over the dimensions, times
/// the divergence KL(first ‖ last). The modules with the least are settled first.
package struct DimensionHistory {
  private let first: [Double]
  private var last: [Double]
  private var count = 0.0
  private var sums: [Double]
  private var squares: [Double]

  /// The history of a module whose dimensions have these probabilities, of which none is zero.
  package init(_ probabilities: [Double]) {
    (first, last) = (probabilities, probabilities)
    sums = probabilities.map { _ in 0 }
    squares = sums
    add(probabilities)
  }

  /// Adds the probabilities of a round.
  package mutating func add(_ probabilities: [Double]) {
    last = probabilities
    count += 1
    for (index, p) in probabilities.enumerated() {
      sums[index] += p
      squares[index] += p * p
    }
  }

  /// The instability.
  package var instability: Double {
    let deviations = zip(sums, squares).map { sum, square in
      max(0, square / count - (sum / count) * (sum / count)).squareRoot()
    }
    let divergence = zip(first, last).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
    return deviations.reduce(0, +) / Double(deviations.count) * max(0, divergence)
  }
}
