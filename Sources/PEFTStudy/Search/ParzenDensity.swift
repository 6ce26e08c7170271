import Foundation

/// The density of a setting's values among some trials, as Bergstra, Bardenet, Bengio and Kégl
/// estimate it (Algorithms for Hyper-Parameter Optimization, 2011, section 4).
///
/// For numbers, an equally weighted mixture of the range's own distribution, uniform on the axis
/// [a, b], and a normal distribution for each of the n trials, truncated to the axis, with the
/// trial's coordinate μ as its centre:
///
///     f(z) = 1/(n+1) · (1/(b − a) + Σᵢ φ((z − μᵢ)/σᵢ) / (σᵢ (Φ((b − μᵢ)/σᵢ) − Φ((a − μᵢ)/σᵢ))))
///
/// σᵢ is the larger distance to the neighbours of μᵢ, of which a and b are the outermost, limited
/// to [(b − a)/min(100, n + 1), b − a]. The probability of a whole number is that of the
/// coordinates that are rounded to it.
///
/// For choices, the probability of each of N is proportional to 1 + its number of trials.
package struct ParzenDensity {
  private let range: SearchRange
  /// The centres in ascending order, with σ and the mass on the axis.
  private var kernels: [(centre: Double, width: Double, mass: Double)] = []
  /// The probabilities of choices.
  private var weights: [Double] = []

  /// The density of `values` of `range`.
  package init(of range: SearchRange, values: [String]) {
    self.range = range
    if case .choices(let texts) = range {
      let counts = texts.map { text in Double(1 + values.count { $0 == text }) }
      let total = counts.reduce(0, +)
      weights = counts.map { $0 / total }
      return
    }
    guard let axis = range.axis else { return }
    let centres = values.compactMap { value in
      range.coordinates(of: value).map { ($0.lowerBound + $0.upperBound) / 2 }
    }.sorted()
    let span = axis.upperBound - axis.lowerBound
    let least = span / Double(min(100, centres.count + 1))
    let edges = [axis.lowerBound] + centres + [axis.upperBound]
    for (index, centre) in centres.enumerated() {
      let distance = max(centre - edges[index], edges[index + 2] - centre)
      let width = min(max(distance, least), span)
      let mass =
        Self.normal((axis.upperBound - centre) / width)
        - Self.normal((axis.lowerBound - centre) / width)
      kernels.append((centre, width, mass))
    }
  }

  /// Φ(x).
  private static func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// The probability of coordinates up to `coordinate`.
  package func cumulative(_ coordinate: Double) -> Double {
    guard let axis = range.axis else { return 0 }
    let prior = (coordinate - axis.lowerBound) / (axis.upperBound - axis.lowerBound)
    let sum = kernels.reduce(prior) { sum, kernel in
      sum
        + (Self.normal((coordinate - kernel.centre) / kernel.width)
          - Self.normal((axis.lowerBound - kernel.centre) / kernel.width)) / kernel.mass
    }
    return sum / Double(kernels.count + 1)
  }

  /// The density at a coordinate.
  private func density(_ coordinate: Double) -> Double {
    guard let axis = range.axis else { return 0 }
    let prior = 1 / (axis.upperBound - axis.lowerBound)
    let sum = kernels.reduce(prior) { sum, kernel in
      let x = (coordinate - kernel.centre) / kernel.width
      return sum + exp(-x * x / 2) / ((2 * .pi).squareRoot() * kernel.width * kernel.mass)
    }
    return sum / Double(kernels.count + 1)
  }

  /// The logarithm of the density, or of the probability, of a value.
  package func logDensity(of value: String) -> Double {
    if case .choices(let texts) = range {
      return texts.firstIndex(of: value).map { log(weights[$0]) } ?? -.infinity
    }
    guard let cell = range.coordinates(of: value) else { return -.infinity }
    return cell.lowerBound == cell.upperBound
      ? log(density(cell.lowerBound))
      : log(cumulative(cell.upperBound) - cumulative(cell.lowerBound))
  }

  /// The value up to which the fraction `fraction` of the distribution lies: for uniform fractions,
  /// a value of this distribution.
  package func value(at fraction: Double) -> String {
    if case .choices(let texts) = range {
      var sum = 0.0
      for (text, weight) in zip(texts, weights) {
        sum += weight
        if fraction < sum { return text }
      }
      return texts[texts.count - 1]
    }
    guard let axis = range.axis else { preconditionFailure("a range without an axis") }
    var (low, high) = (axis.lowerBound, axis.upperBound)
    for _ in 0..<Self.bisections {
      let middle = low + (high - low) / 2
      if cumulative(middle) <= fraction { low = middle } else { high = middle }
    }
    return range.value(atCoordinate: low)
  }

  /// Halvings of an axis; its values have far fewer digits.
  private static let bisections = 50
}
