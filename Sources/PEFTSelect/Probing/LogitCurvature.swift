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
/// A `LossShape` gives the gradient a p − τ and the curvature a (diag p − p pᵀ) + b (e_y − p)(e_y −
/// p)ᵀ. Exactly, the second term is one more factor. Sampled, the score becomes √a (p − e_ŷ) + ς √b
/// (e_y − p) with a random sign ς, whose square has the expectation h.
///
/// *Sets of labels* have the gradient (σ(z) − t) / C and the curvature diag σ(1 − σ) / C: exactly
/// by C passes, or sampled with the score (σ − ŷ) / √C, where every ŷ_c is drawn by itself.
///
/// An example with several rows is always sampled, because a pass returns one number for each
/// example. In the mean over examples, example i contributes (B/N) Σ_{t∈i} ℓ_t. The scores of
/// different rows are uncorrelated given the text, so the square of their sum has the expectation
/// of the sum of their squares.
struct LogitCurvature: OutputCurvature {
  private enum Form {
    case exact(Classes)
    case sampled(Classes, draws: [[Int]], signs: [[Double]])
    case exactSets(Sets)
    case sampledSets(Sets, draws: [[Double]])
    case squares(residuals: [Double])
  }

  /// One class for each row.
  private struct Classes {
    /// p, row after row.
    let probabilities: [Double]
    let labels: [Int]
    let derivatives: [LossShape.Derivatives]
    /// Whether any row has b ≠ 0.
    let hasExtra: Bool
  }

  /// A set of labels for each row.
  private struct Sets {
    /// σ(z), row after row.
    let probabilities: [Double]
    /// t, row after row.
    let targets: [Double]
  }

  private let form: Form
  private let outputCount: Int
  private let rowCount: Int
  /// B / N.
  private let weight: Double
  private let shape: LossShape

  /// - Parameters:
  ///   - exactLimit: the maximum number of classes for which one pass for each class is made.
  ///   - samples: the number of sampled labels, S, for more classes.
  init(
    outputs: Tensor, targets: Targets, shape: LossShape, exactLimit: Int, samples: Int,
    generator: SeededGenerator
  ) {
    rowCount = outputs.shape.rows
    weight = Double(targets.count) / Double(max(1, targets.termCount))
    outputCount = outputs.shape.columns
    self.shape = shape
    let elements = outputs.elements.map(Double.init)
    switch targets.kind {
    case .values(let values):
      precondition(targets.hasOneRowEach, "LogitCurvature: several values for an example")
      form = .squares(residuals: zip(elements, values).map { $0 - $1 })
    case .tokens: preconditionFailure("LogitCurvature: tokens need a vocabulary")
    case .labelSets(let sets):
      precondition(targets.hasOneRowEach, "LogitCurvature: several sets for an example")
      let all = Self.sets(elements, labels: sets, width: outputCount, shape.labelSmoothing)
      form =
        outputCount <= exactLimit
        ? .exactSets(all)
        : .sampledSets(
          all,
          draws: (0..<samples).map { sample in
            var generator = generator.split(sample)
            return all.probabilities.map { generator.uniform() < $0 ? 1 : 0 }
          })
    case .classes(let labels):
      let all = Self.classes(elements, labels: labels, width: outputCount, shape)
      if outputCount <= exactLimit, targets.hasOneRowEach {
        form = .exact(all)
      } else {
        let width = outputCount
        form = .sampled(
          all,
          draws: (0..<samples).map { sample in
            var generator = generator.split(sample)
            return labels.indices.map { example in
              Self.draw(
                all.probabilities[example * width..<(example + 1) * width], &generator)
            }
          },
          signs: !all.hasExtra
            ? []
            : (0..<samples).map { sample in
              var generator = generator.split("signs").split(sample)
              return labels.map { _ in generator.uniform() < 0.5 ? -1 : 1 }
            })
      }
    }
  }

  private static func classes(
    _ elements: [Double], labels: [Int], width: Int, _ shape: LossShape
  ) -> Classes {
    let probabilities = softmax(elements, columns: width)
    let derivatives = labels.enumerated().map { row, label in
      shape.derivatives(
        label: label, count: width,
        logProbability: log(max(probabilities[row * width + label], .leastNormalMagnitude)))
    }
    return Classes(
      probabilities: probabilities, labels: labels, derivatives: derivatives,
      hasExtra: derivatives.contains { $0.extra > 0 })
  }

  private static func sets(
    _ elements: [Double], labels: [[Int]], width: Int, _ smoothing: Double
  ) -> Sets {
    var targets = elements.map { _ in smoothing / 2 }
    for (row, present) in labels.enumerated() {
      for index in present { targets[row * width + index] = 1 - smoothing / 2 }
    }
    return Sets(probabilities: elements.map { 1 / (1 + exp(-$0)) }, targets: targets)
  }

  /// The number of passes to make.
  var walkCount: Int {
    switch form {
    case .exact: max(1, outputCount - 1)
    case .sampled(_, let draws, _): 1 + draws.count
    case .exactSets: outputCount
    case .sampledSets(_, let draws): 1 + draws.count
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
      case .sampled(let all, let draws, let signs):
        let derivatives = all.derivatives[index]
        for output in 0..<outputCount {
          let probability = all.probabilities[row + output]
          guard walk > 0 else {
            elements[row + output] = Float(gradient(output, of: index, all))
            continue
          }
          let drawn = draws[walk - 1][index] == output ? 1.0 : 0
          var score = derivatives.scale.squareRoot() * (probability - drawn)
          if !signs.isEmpty {
            let hit = all.labels[index] == output ? 1.0 : 0
            score +=
              signs[walk - 1][index] * derivatives.extra.squareRoot() * (hit - probability)
          }
          elements[row + output] = Float(score)
        }
      case .exactSets: elements[row + walk] = 1
      case .sampledSets(let all, let draws):
        let count = Double(outputCount)
        for place in row..<row + outputCount {
          elements[place] = Float(
            walk == 0
              ? (all.probabilities[place] - all.targets[place]) / count
              : (all.probabilities[place] - draws[walk - 1][place]) / count.squareRoot())
        }
      case .squares: elements[row] = 1
      }
    }
    return Tensor(elements, shape: [rowCount, outputCount])
  }

  /// s_ik.
  func slope(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    switch form {
    case .exact(let all):
      return (0..<(outputCount - 1)).reduce(0) {
        $0 + gradient($1, of: example, all) * tangents[$1, example, group]
      }
    case .exactSets(let all):
      return (0..<outputCount).reduce(0) { sum, output in
        let place = example * outputCount + output
        return sum + (all.probabilities[place] - all.targets[place]) / Double(outputCount)
          * tangents[output, example, group]
      }
    case .sampledSets: return tangents[0, example, group]
    case .sampled: return weight * tangents[0, example, group]
    case .squares(let residuals): return 2 * residuals[example] * tangents[0, example, group]
    }
  }

  /// The number of factors f in h_ik = Σ_f (factor)².
  var factorCount: Int {
    switch form {
    case .exact(let all): outputCount + (all.hasExtra ? 1 : 0)
    case .exactSets: outputCount
    case .sampled(_, let draws, _): draws.count
    case .sampledSets(_, let draws): draws.count
    case .squares: 1
    }
  }

  /// Factor f of h_ik; for classes √a √p_c (Δz_c − Σ_c' p_c' Δz_c') and, last, √b times this
  /// difference of the row's own class; for sets √(p_c (1 − p_c) / C) Δz_c.
  func factor(_ index: Int, _ tangents: OutputTangents, example: Int, group: Int) -> Double {
    switch form {
    case .exact(let all):
      let row = example * outputCount
      var mean = 0.0
      for output in 0..<(outputCount - 1) {
        mean += all.probabilities[row + output] * tangents[output, example, group]
      }
      let derivatives = all.derivatives[example]
      let isExtra = index == outputCount
      let output = isExtra ? all.labels[example] : index
      let own = output < outputCount - 1 ? tangents[output, example, group] : 0
      return
        (isExtra
        ? derivatives.extra : derivatives.scale * all.probabilities[row + index]).squareRoot()
        * (own - mean)
    case .exactSets(let all):
      let probability = all.probabilities[example * outputCount + index]
      return (probability * (1 - probability) / Double(outputCount)).squareRoot()
        * tangents[index, example, group]
    case .sampled(_, let draws, _):
      return weight.squareRoot() * tangents[index + 1, example, group]
        / Double(draws.count).squareRoot()
    case .sampledSets(_, let draws):
      return tangents[index + 1, example, group] / Double(draws.count).squareRoot()
    case .squares: return 2.0.squareRoot() * tangents[0, example, group]
    }
  }

  /// h_ik.
  func curvature(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    guard case .exact(let all) = form else {
      return sumOfSquares(tangents, example: example, group: group)
    }
    var (mean, square) = (0.0, 0.0)
    for output in 0..<(outputCount - 1) {
      let tangent = tangents[output, example, group]
      let weighted = all.probabilities[example * outputCount + output] * tangent
      mean += weighted
      square += weighted * tangent
    }
    let derivatives = all.derivatives[example]
    var curvature = derivatives.scale * max(0, square - mean * mean)
    if derivatives.extra > 0 {
      let extra = factor(outputCount, tangents, example: example, group: group)
      curvature += extra * extra
    }
    return curvature
  }

  /// Element `output` of ∇ℓ of a row.
  private func gradient(_ output: Int, of row: Int, _ all: Classes) -> Double {
    let derivatives = all.derivatives[row]
    return derivatives.scale * all.probabilities[row * outputCount + output]
      - shape.gradientTarget(output, label: all.labels[row], count: outputCount, derivatives)
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
