import PEFTNetwork
import PEFTTensor

/// Plain means of gradients and of their squares over batches, element by element.
struct MomentAverages {
  private let parameters: [ModelParameter]
  private(set) var sums: [Tensor]
  private(set) var squares: [Tensor]
  private(set) var batchCount = 0

  init(_ parameters: [ModelParameter]) {
    self.parameters = parameters
    sums = parameters.map { Tensor(zeros: $0.parameter.shape) }
    squares = sums
  }

  /// Continues from sums of gradients and of their squares over `batchCount` batches.
  init(_ parameters: [ModelParameter], sums: [Tensor], squares: [Tensor], batchCount: Int) {
    let shapes = parameters.map(\.parameter.shape)
    precondition(
      sums.map(\.shape) == shapes && squares.map(\.shape) == shapes,
      "MomentAverages: sums of other shapes than the parameters'")
    self.parameters = parameters
    self.sums = sums
    self.squares = squares
    self.batchCount = batchCount
  }

  /// Adds the gradients of one batch. A parameter without a gradient counts as zero.
  mutating func add(_ gradients: GradientAccumulator) {
    batchCount += 1
    for (index, entry) in parameters.enumerated() {
      guard let gradient = gradients[entry.parameter] else { continue }
      sums[index].add(gradient, scaledBy: 1)
      squares[index].addSquares(of: gradient)
    }
  }

  /// m, or m / (√v + ε), for every parameter, with m the mean gradient and v the mean square.
  func directions(
    _ direction: ProbeSettings.Direction, epsilon: Double
  ) -> [Parameter: Tensor] {
    let scale = 1 / Float(max(1, batchCount))
    var result: [Parameter: Tensor] = [:]
    for (index, entry) in parameters.enumerated() {
      var mean = Tensor(zeros: entry.parameter.shape)
      mean.add(sums[index], scaledBy: scale)
      if direction == .adamw {
        mean.divide(byRootOf: squares[index], scaledBy: scale, plus: Float(epsilon))
      }
      result[entry.parameter] = mean
    }
    return result
  }

  /// How far the gradients of different batches agree: the cosine that the mean gradients of two
  /// halves of `planned` batches are expected to have, over all parameters but head and adapters.
  ///
  /// With the mean gradient m of n different batches and the mean square q of theirs, the squared
  /// norm of the true gradient is estimated without bias as s = (n ‖m‖² − q) / (n − 1), and the
  /// variance of a batch's gradient as q − s. With N planned batches, the cosine is
  /// s / (s + 2 (q − s) / N), and 0 where s is not positive. Nil for fewer than two batches, or
  /// without a gradient.
  ///
  /// - Parameters:
  ///   - different: the number of different batches, if some are added several times.
  ///   - planned: the number of batches of the whole direction.
  func agreement(different: Int?, of planned: Int) -> Double? {
    let (batches, count) = (Double(batchCount), Double(min(batchCount, different ?? batchCount)))
    guard count > 1 else { return nil }
    var (mean, square) = (0.0, 0.0)
    for (index, entry) in parameters.enumerated() where entry.kind != .head {
      guard entry.adapter == nil else { continue }
      mean += sums[index].sumOfSquares / (batches * batches)
      square += squares[index].sums(by: .whole)[0] / batches
    }
    guard square > 0, square.isFinite else { return nil }
    let signal = min(square, max(0, (count * mean - square) / (count - 1)))
    let all = Double(min(planned, different ?? planned))
    return signal / (signal + 2 * (square - signal) / all)
  }

  /// For each parameter of which candidates train single elements, the positions of those with the
  /// largest mean gradients, the largest first.
  func elements(for groupings: [ParameterGrouping]) -> [Parameter: [Int]] {
    var result: [Parameter: [Int]] = [:]
    for (index, entry) in parameters.enumerated() {
      let count = groupings.map { $0.elementCount(at: index) }.max() ?? 0
      if count > 0 { result[entry.parameter] = sums[index].largestPositions(count) }
    }
    return result
  }

  /// For each group Σ m² and Σ v over its elements: the squared norm of the mean gradient, and the
  /// mean squared norm of a batch's gradient.
  func groupNorms(_ grouping: ParameterGrouping) -> (meanGradient: [Double], gradient: [Double]) {
    let scale = 1 / Double(max(1, batchCount))
    let elements = elements(for: [grouping])
    let means = grouping.sums(of: parameters, elements: elements) {
      sums[$0].sumsOfSquares(by: $1)
    } values: {
      sums[$0].elements(at: $1).elements.map { Double($0) * Double($0) }
    }
    let all = grouping.sums(of: parameters, elements: elements) {
      squares[$0].sums(by: $1)
    } values: {
      squares[$0].elements(at: $1).elements.map(Double.init)
    }
    return (means.map { $0 * scale * scale }, all.map { $0 * scale })
  }
}

extension ParameterGrouping {
  /// Sums over the elements of each group, K numbers. `parts` returns the sums of parameter i over
  /// the parts of a split, `values` what it adds at single positions.
  ///
  /// - Parameter elements: the order of single elements, as of `MomentAverages.elements(for:)`;
  ///   candidates without an order have the sum zero.
  func sums(
    of parameters: [ModelParameter], elements: [Parameter: [Int]],
    _ parts: (Int, ElementSplit) -> [Double], values: (Int, [Int]) -> [Double]
  ) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    for (index, assignment) in assignments.enumerated() {
      switch assignment {
      case .none: break
      case .whole(let group): result[group] += parts(index, .whole)[0]
      case .rows(let first):
        for (row, value) in parts(index, .rows).enumerated() { result[first + row] += value }
      case .prefixes(let prefixes):
        let columns = parts(index, .columns)
        for prefix in prefixes {
          result[prefix.group] += columns.prefix(prefix.count).reduce(0, +)
        }
      }
    }
    for (index, prefixes) in elementPrefixes.enumerated() where !prefixes.isEmpty {
      let values = values(index, elements[parameters[index].parameter] ?? [])
      for prefix in prefixes {
        result[prefix.group] += values.prefix(prefix.count).reduce(0, +)
      }
    }
    return result
  }
}
