import Foundation
import PEFTNetwork
import PEFTTensor

/// The curvature of a loss of outputs z [N, C] that are all in memory, where N rows belong to B
/// examples.
///
/// *Exact*, for C up to a limit: softmax is invariant under a common shift, so C − 1 passes with
/// cotangents e_c − e_C give Δz up to that shift, and s and h follow in closed form. *Sampled*, for
/// more classes: one pass with p − y gives s. A pass with p − e_ŷ, with ŷ sampled from p, gives a
/// score whose square has the expectation h, because the Gauss–Newton matrix of cross entropy is
/// the Fisher information; h is the mean of S such squares. *Squared error* needs one pass.
///
/// An example with several rows is always sampled, because a pass returns one number for each
/// example. In the mean over examples, example i contributes (B/N) Σ_{t∈i} ℓ_t. The scores of
/// different rows are uncorrelated given the text, so the square of their sum has the expectation
/// of the sum of their squares.
struct LogitCurvature: OutputCurvature {
  private enum Form {
    case exact(probabilities: [Double], labels: [Int])
    case sampled(probabilities: [Double], labels: [Int], draws: [[Int]])
    case squares(residuals: [Double])
  }

  private let form: Form
  private let outputCount: Int
  private let rowCount: Int
  /// B / N.
  private let weight: Double
  private let smoothing: Double

  /// - Parameters:
  ///   - exactLimit: the maximum number of classes for which one pass for each class is made.
  ///   - samples: the number of sampled labels, S, for more classes.
  init(
    outputs: Tensor, targets: Targets, labelSmoothing: Double, exactLimit: Int, samples: Int,
    generator: SeededGenerator
  ) {
    rowCount = outputs.shape.rows
    weight = Double(targets.count) / Double(max(1, targets.termCount))
    outputCount = outputs.shape.columns
    smoothing = labelSmoothing
    let elements = outputs.elements.map(Double.init)
    switch targets.kind {
    case .values(let values):
      precondition(targets.hasOneRowEach, "LogitCurvature: several values for an example")
      form = .squares(residuals: zip(elements, values).map { $0 - $1 })
    case .tokens: preconditionFailure("LogitCurvature: tokens need a vocabulary")
    case .classes(let labels):
      let probabilities = Self.softmax(elements, columns: outputCount)
      if outputCount <= exactLimit, targets.hasOneRowEach {
        form = .exact(probabilities: probabilities, labels: labels)
      } else {
        let width = outputCount
        let draws = (0..<samples).map { sample in
          var generator = generator.split(sample)
          return labels.indices.map { example in
            Self.draw(probabilities[example * width..<(example + 1) * width], &generator)
          }
        }
        form = .sampled(probabilities: probabilities, labels: labels, draws: draws)
      }
    }
  }

  /// The number of passes to make.
  var walkCount: Int {
    switch form {
    case .exact: max(1, outputCount - 1)
    case .sampled(_, _, let draws): 1 + draws.count
    case .squares: 1
    }
  }

  /// Runs pass `index` with its cotangent.
  func pullBack(
    _ index: Int, from outputs: Variable, on tape: Tape, to sink: some GradientSink,
    consuming: Bool
  ) {
    tape.pullBack(cotangent(index), from: outputs, to: sink, consuming: consuming)
  }

  /// The cotangent [N, C] of pass `walk`.
  func cotangent(_ walk: Int) -> Tensor {
    var elements = [Float](repeating: 0, count: rowCount * outputCount)
    for index in 0..<rowCount {
      let row = index * outputCount
      switch form {
      case .exact:
        elements[row + walk] = 1
        if outputCount > 1 { elements[row + outputCount - 1] = -1 }
      case .sampled(let probabilities, let labels, let draws):
        for output in 0..<outputCount {
          let hit =
            walk == 0
            ? target(output, label: labels[index])
            : draws[walk - 1][index] == output ? 1 : 0
          elements[row + output] = Float(probabilities[row + output] - hit)
        }
      case .squares: elements[row] = 1
      }
    }
    return Tensor(elements, shape: [rowCount, outputCount])
  }

  /// s_ik.
  func slope(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    switch form {
    case .exact(let probabilities, let labels):
      var sum = 0.0
      for output in 0..<(outputCount - 1) {
        let row = example * outputCount + output
        sum +=
          (probabilities[row] - target(output, label: labels[example]))
          * tangents[output, example, group]
      }
      return sum
    case .sampled: return weight * tangents[0, example, group]
    case .squares(let residuals): return 2 * residuals[example] * tangents[0, example, group]
    }
  }

  /// The number of factors f in h_ik = Σ_f (factor)².
  var factorCount: Int {
    switch form {
    case .exact: outputCount
    case .sampled(_, _, let draws): draws.count
    case .squares: 1
    }
  }

  /// Factor f of h_ik; for classes, √p_c (Δz_c − Σ_c' p_c' Δz_c').
  func factor(_ index: Int, _ tangents: OutputTangents, example: Int, group: Int) -> Double {
    switch form {
    case .exact(let probabilities, _):
      let row = example * outputCount
      var mean = 0.0
      for output in 0..<(outputCount - 1) {
        mean += probabilities[row + output] * tangents[output, example, group]
      }
      let own = index < outputCount - 1 ? tangents[index, example, group] : 0
      return probabilities[row + index].squareRoot() * (own - mean)
    case .sampled(_, _, let draws):
      return weight.squareRoot() * tangents[index + 1, example, group]
        / Double(draws.count).squareRoot()
    case .squares: return 2.0.squareRoot() * tangents[0, example, group]
    }
  }

  /// h_ik.
  func curvature(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    guard case .exact(let probabilities, _) = form else {
      return sumOfSquares(tangents, example: example, group: group)
    }
    var (mean, square) = (0.0, 0.0)
    for output in 0..<(outputCount - 1) {
      let tangent = tangents[output, example, group]
      let weighted = probabilities[example * outputCount + output] * tangent
      mean += weighted
      square += weighted * tangent
    }
    return max(0, square - mean * mean)
  }

  private func target(_ output: Int, label: Int) -> Double {
    (output == label ? 1 - smoothing : 0) + smoothing / Double(outputCount)
  }

  private static func softmax(_ elements: [Double], columns: Int) -> [Double] {
    var result = elements
    for row in stride(from: 0, to: elements.count, by: columns) {
      let largest = elements[row..<row + columns].max() ?? 0
      var sum = 0.0
      for index in row..<row + columns {
        result[index] = exp(elements[index] - largest)
        sum += result[index]
      }
      for index in row..<row + columns { result[index] /= sum }
    }
    return result
  }

  private static func draw(
    _ probabilities: ArraySlice<Double>, _ generator: inout SeededGenerator
  ) -> Int {
    var rest = generator.uniform()
    for (index, probability) in probabilities.enumerated() {
      rest -= probability
      if rest < 0 { return index }
    }
    return probabilities.count - 1
  }
}
