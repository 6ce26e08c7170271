import Foundation

/// The operations of `VectorKernels` as plain loops in Double over arrays, against which the tests
/// compare every instruction set. Matrices are [rows, columns], without gaps between rows.
package enum ReferenceKernels {
  /// Φ(x), the standard normal distribution function.
  package static func normalDistribution(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// x Φ(x), with the limit 0 at −∞.
  package static func gelu(_ x: Double) -> Double {
    x == -.infinity ? 0 : x * normalDistribution(x)
  }

  /// Φ(x) + x φ(x), with the limits 0 and 1 at ∓∞.
  package static func geluDerivative(_ x: Double) -> Double {
    let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    return normalDistribution(x) + (x.isInfinite ? 0 : x * density)
  }

  /// x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³), and the limit 0 at −∞.
  package static func geluTanh(_ x: Double) -> Double {
    x == -.infinity ? 0 : x * logistic(2 * geluTanhArgument(x))
  }

  /// The derivative of `geluTanh`.
  package static func geluTanhDerivative(_ x: Double) -> Double {
    let u = geluTanhArgument(x)
    let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
    let change = 2 * logistic(2 * u) * logistic(-2 * u)
    return logistic(2 * u) + (change == 0 ? 0 : x * change * slope)
  }

  private static func geluTanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }

  /// x / (1 + e⁻ˣ), with the limit 0 at −∞.
  package static func silu(_ x: Double) -> Double { x == -.infinity ? 0 : x * logistic(x) }

  /// σ(x) + x σ(x) (1 − σ(x)) with σ the logistic function, and the limits 0 and 1 at ∓∞.
  package static func siluDerivative(_ x: Double) -> Double {
    let change = logistic(x) * logistic(-x)
    return logistic(x) + (change == 0 ? 0 : x * change)
  }

  /// max(x, 0).
  package static func relu(_ x: Double) -> Double { x < 0 ? 0 : x }

  /// 1 where x > 0, and 0 elsewhere.
  package static func reluDerivative(_ x: Double) -> Double { x.isNaN ? x : x > 0 ? 1 : 0 }

  private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// The column sums of x, or of x ∘ y.
  package static func columnSums(_ x: [Double], times y: [Double]? = nil, columns: Int) -> [Double]
  {
    var sums = [Double](repeating: 0, count: columns)
    for index in x.indices { sums[index % columns] += x[index] * (y?[index] ?? 1) }
    return sums
  }

  /// log Σ exp(z) of one row.
  package static func logSumExp(_ row: [Double]) -> Double {
    let largest = row.max() ?? -.infinity
    return largest + log(row.reduce(0) { $0 + exp($1 - largest) })
  }

  /// The softmax of one row.
  package static func softmax(_ row: [Double]) -> [Double] {
    let shift = logSumExp(row)
    return row.map { exp($0 - shift) }
  }

  /// scale · p ∘ (g − Σ p g) of one row.
  package static func softmaxPullback(scale: Double, _ p: [Double], _ g: [Double]) -> [Double] {
    let mean = zip(p, g).reduce(0) { $0 + $1.0 * $1.1 }
    return zip(p, g).map { scale * $0 * ($1 - mean) }
  }

  /// x̂ = (s − mean s) r and r = 1 / √(var s + ε) of one row.
  package static func normalized(
    _ row: [Double], epsilon: Double
  ) -> (values: [Double], inverseDeviation: Double) {
    let centre = mean(row)
    let inverse = 1 / (mean(row.map { ($0 - centre) * ($0 - centre) }) + epsilon).squareRoot()
    return (row.map { ($0 - centre) * inverse }, inverse)
  }

  /// r (q − mean q − x̂ mean(q ∘ x̂)) of one row: the pullback takes q = γ∘δ, and the tangent is γ
  /// times that of q = ṡ.
  package static func normalizedDerivative(
    _ q: [Double], normalized: [Double], inverseDeviation: Double
  ) -> [Double] {
    let centre = mean(q)
    let slope = mean(zip(q, normalized).map { $0 * $1 })
    return zip(q, normalized).map { inverseDeviation * ($0 - centre - $1 * slope) }
  }

  /// x̂ = s r and r = 1 / √(mean s² + ε) of one row.
  package static func rmsNormalized(
    _ row: [Double], epsilon: Double
  ) -> (values: [Double], inverseDeviation: Double) {
    let inverse = 1 / (mean(row.map { $0 * $0 }) + epsilon).squareRoot()
    return (row.map { $0 * inverse }, inverse)
  }

  /// r (q − x̂ mean(q ∘ x̂)) of one row: the pullback takes q = γ∘δ, and the tangent is γ times
  /// that of q = ṡ.
  package static func rmsNormalizedDerivative(
    _ q: [Double], normalized: [Double], inverseDeviation: Double
  ) -> [Double] {
    let slope = mean(zip(q, normalized).map { $0 * $1 })
    return zip(q, normalized).map { inverseDeviation * ($0 - $1 * slope) }
  }

  /// One head of a row, rotated by the angles with these cosines and sines. Element i of the first
  /// half is paired with element i of the second.
  package static func rotated(
    _ head: [Double], cosines: [Double], sines: [Double]
  ) -> [Double] {
    let half = head.count / 2
    return head.indices.map { index in
      let pair = index % half
      return index < half
        ? head[pair] * cosines[pair] - head[half + pair] * sines[pair]
        : head[half + pair] * cosines[pair] + head[pair] * sines[pair]
    }
  }

  private static func mean(_ row: [Double]) -> Double { row.reduce(0, +) / Double(row.count) }

  /// p, m and v of one parameter after one AdamW step.
  package static func adamW(
    _ constants: VectorKernels.AdamWConstants, parameter: Double, gradient: Double, mean: Double,
    meanSquare: Double
  ) -> (parameter: Double, mean: Double, meanSquare: Double) {
    let (beta1, beta2) = (Double(constants.beta1), Double(constants.beta2))
    let rate = Double(constants.learningRate)
    let scaled = gradient * Double(constants.gradientScale)
    let newMean = beta1 * mean + (1 - beta1) * scaled
    let newSquare = beta2 * meanSquare + (1 - beta2) * scaled * scaled
    let root = (newSquare / Double(constants.biasCorrection2)).squareRoot()
    let direction =
      newMean / Double(constants.biasCorrection1) / (root + Double(constants.epsilon))
    let decayed = parameter * (1 - rate * Double(constants.weightDecay))
    return (decayed - rate * direction, newMean, newSquare)
  }

  /// The number encoded by the bits of a float with `exponentBits` and `fractionBits`.
  package static func value(
    ofBits bits: UInt16, exponentBits: Int, fractionBits: Int
  ) -> Double {
    let fraction = Double(Int(bits) & ((1 << fractionBits) - 1))
    let exponent = Int(bits) >> fractionBits & ((1 << exponentBits) - 1)
    let bias = (1 << (exponentBits - 1)) - 1
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    if exponent == (1 << exponentBits) - 1 { return fraction == 0 ? sign * .infinity : .nan }
    let unit = scalbn(1.0, max(exponent, 1) - bias - fractionBits)
    return sign * (fraction + (exponent == 0 ? 0 : scalbn(1.0, fractionBits))) * unit
  }
}
