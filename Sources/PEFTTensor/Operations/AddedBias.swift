extension Tape {
  /// y = x + U max(0, D b), in every row: the output of a small trainable network that reads a
  /// constant vector (HiWi, Liao et al. 2023).
  ///
  /// - Shapes: x and y [T, n], b [n], `down` D [R, n], `up` U [n, R].
  /// - Saves: max(0, D b) [1, R].
  /// - Cost: two products of a vector with a matrix, and the sum.
  public func addedBias(
    _ x: Variable, from vector: Tensor, down: Parameter, up: Parameter
  ) -> Variable {
    let row = vector.reshaped(to: [1, vector.count])
    let hidden = MatrixProduct.forward(row, weight: down.value).positiveParts
    var y = x.value
    y.addToRows(MatrixProduct.forward(hidden, weight: up.value).reshaped(to: [vector.count]))
    return output(
      y, x.partition, when: x.needsGradient || down.wantsGradient || up.wantsGradient,
      AddedBias(input: x.node, row: row, hidden: hidden, down: down, up: up, rows: x.partition))
  }
}

private struct AddedBias: Operation {
  static let name = "addedBias"
  let input: Node?
  /// b [1, n].
  let row: Tensor
  /// max(0, D b) [1, R].
  let hidden: Tensor
  let down: Parameter
  let up: Parameter
  let rows: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    if down.wantsGradient || up.wantsGradient {
      var sum = Tensor(zeros: [row.count])
      sum.accumulateColumnSums(of: cotangent, accumulating: false)
      let upstream = sum.reshaped(to: row.shape)
      let one = RowPartition(examples: 1)
      walk.deliver(
        .outerProduct(upstream: upstream, input: hidden, scale: 1), of: up, partition: one)
      let inner = masked(MatrixProduct.inputGradient(upstream, weight: up.value))
      walk.deliver(.outerProduct(upstream: inner, input: row, scale: 1), of: down, partition: one)
    }
    walk.add(cotangent, to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var change = walk.direction(of: up).map { MatrixProduct.forward(hidden, weight: $0) }
    if let direction = walk.direction(of: down) {
      change = MatrixProduct.forward(
        masked(MatrixProduct.forward(row, weight: direction)), weight: up.value, addingTo: change)
    }
    guard let change else { return walk.tangent(of: input) }
    var sum = walk.tangent(of: input) ?? Tensor(zeros: [rows.rowCount, row.count])
    sum.addToRows(change.reshaped(to: [row.count]))
    return sum
  }

  /// Zero where D b is not positive.
  private func masked(_ values: Tensor) -> Tensor {
    Tensor(zip(values.elements, hidden.elements).map { $1 > 0 ? $0 : 0 }, shape: values.shape)
  }
}

extension Tensor {
  /// max(0, ·) of every element.
  fileprivate var positiveParts: Tensor { Tensor(elements.map { max(0, $0) }, shape: shape) }
}
