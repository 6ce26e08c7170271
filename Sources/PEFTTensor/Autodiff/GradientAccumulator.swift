/// The sink of training: multiplies the factors and keeps the sum, one tensor for each parameter,
/// in its `gradientShape`. Where only some rows train, only theirs is ever formed; and of a table
/// that was only read, the rows that were.
///
/// `reset` lets go of the sums, so that what the next step saves for its walk
/// can take their memory.
public final class GradientAccumulator: GradientSink {
  private var gradients: [Parameter: Tensor] = [:]
  private var rowGradients: [Parameter: RowGradient] = [:]

  private let precision: Precision

  /// A sink that has received nothing.
  ///
  /// - Parameter precision: in which the factors of matrices are multiplied; sums are in fp32.
  public init(precision: Precision = .fp32) { self.precision = precision }

  /// Forgets the sums.
  public func reset() {
    gradients.removeAll(keepingCapacity: true)
    rowGradients.removeAll(keepingCapacity: true)
  }

  /// The gradient of `parameter` in its `gradientShape`; nil when none has arrived
  /// since the last reset.
  public subscript(parameter: Parameter) -> Tensor? {
    rowGradients[parameter]?.dense(parameter.gradientShape) ?? gradients[parameter]
  }

  /// The gradient of a table as its rows; nil where it is a tensor of the whole table.
  func rowGradient(of parameter: Parameter) -> RowGradient? { rowGradients[parameter] }

  /// Adds one contribution.
  public func receive(
    _ gradient: GradientFactors, of parameter: Parameter, partition: RowPartition
  ) {
    let shape = parameter.gradientShape
    if let rows = rowGradients.removeValue(forKey: parameter) {
      gradients[parameter] = rows.dense(shape)
    }
    var earlier = gradients.removeValue(forKey: parameter)
    if earlier == nil, case .scatter(let upstream, let rows) = gradient,
      parameter.trainableRows == nil, 2 * rows.count <= shape.rows
    {
      rowGradients[parameter] = RowGradient(upstream, rows: rows)
      return
    }
    precondition(
      earlier.map { $0.shape == shape } ?? true,
      "receive: the rows of \(parameter.name) that train changed after a contribution to \(shape); "
        + "reset first")
    let isLater = earlier != nil
    var sum = earlier.take() ?? Tensor(uninitialized: shape, stays: true)
    sum.accumulate(
      parameter.trainableRows.map { gradient.restricted(to: $0) } ?? gradient,
      accumulating: isLater, precision: precision)
    gradients[parameter] = sum
  }

  /// The Euclidean norm over the gradients of `parameters`, summed in Double in their order.
  public func globalNorm(of parameters: [Parameter]) -> Double {
    parameters.reduce(0) {
      $0 + ((rowGradients[$1]?.values ?? self[$1])?.sumOfSquares ?? 0)
    }.squareRoot()
  }
}

extension Tensor {
  /// Replaces the tensor by the gradient with these factors, or adds it.
  mutating func accumulate(
    _ gradient: GradientFactors, accumulating: Bool, precision: Precision = .fp32
  ) {
    switch gradient {
    case .outerProduct(let upstream, let input, let scale):
      MatrixProduct.weightGradient(
        upstream: upstream, input: input, scale: scale, into: &self, accumulating: accumulating,
        precision: precision)
    case .rowSum(let upstream):
      accumulateColumnSums(of: upstream, accumulating: accumulating)
    case .productSum(let upstream, let normalized):
      accumulateColumnSums(of: upstream, times: normalized, accumulating: accumulating)
    case .scatter(let upstream, let rows):
      if !accumulating { fill(0) }
      scatterAdd(upstream, rows: rows)
    case .dense(let tensor):
      if accumulating { add(tensor) } else { copyElements(of: tensor) }
    }
  }
}
