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

  /// For each group Σ m² and Σ v over its elements: the squared norm of the mean gradient, and the
  /// mean squared norm of a batch's gradient.
  func groupNorms(_ grouping: ParameterGrouping) -> (meanGradient: [Double], gradient: [Double]) {
    let scale = 1 / Double(max(1, batchCount))
    let means = grouping.sums(of: parameters) { sums[$0].sumsOfSquares(by: $1) }
    let all = grouping.sums(of: parameters) { squares[$0].sums(by: $1) }
    return (means.map { $0 * scale * scale }, all.map { $0 * scale })
  }
}

extension ParameterGrouping {
  /// Sums over the elements of each group, K numbers. `parts` returns the sums of parameter i over
  /// the parts of a split.
  func sums(
    of parameters: [ModelParameter], _ parts: (Int, ElementSplit) -> [Double]
  ) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    for (index, assignment) in assignments.enumerated() {
      switch assignment {
      case .none: break
      case .whole(let group): result[group] += parts(index, .whole)[0]
      case .rows(let first):
        for (row, value) in parts(index, .rows).enumerated() { result[first + row] += value }
      case .columnPrefixes(let prefixes):
        let columns = parts(index, .columns)
        for prefix in prefixes {
          result[prefix.group] += columns.prefix(prefix.rank).reduce(0, +)
        }
      }
    }
    return result
  }
}
