/// The parameters of an optimizer, each with the rows for which it keeps state.
struct OptimizedParameters {
  /// The parameters, in a fixed order.
  let all: [Parameter]
  private let rows: [[Int]?]
  private let positions: [Parameter: Int]

  init(_ parameters: [Parameter]) {
    all = parameters
    rows = parameters.map(\.trainableRows)
    positions = Dictionary(
      uniqueKeysWithValues: parameters.enumerated().map { ($1, $0) })
  }

  /// Zeros for every element that trains: one tensor a parameter, in its `gradientShape`. A table's
  /// take memory as its rows are written to.
  var zeros: [Tensor] {
    all.map {
      Self.isTable($0.gradientShape)
        ? Tensor(zeroPages: $0.gradientShape) : Tensor(zeros: $0.gradientShape)
    }
  }

  /// The same tensors, the rows of zeros of a table without memory as in `zeros`.
  func compacted(_ tensors: [Tensor]) -> [Tensor] {
    tensors.map { tensor in
      guard Self.isTable(tensor.shape) else { return tensor }
      let width = tensor.shape.columns
      var result = Tensor(zeroPages: tensor.shape)
      result.withUnsafeMutableElements { target in
        tensor.withUnsafeElements { source in
          for row in 0..<tensor.shape.rows {
            let elements = row * width..<(row + 1) * width
            guard source[elements].contains(where: { $0 != 0 }) else { continue }
            for index in elements { target[index] = source[index] }
          }
        }
      }
      return result
    }
  }

  private static func isTable(_ shape: Shape) -> Bool {
    shape.rank == 2 && shape.rows >= rowsOfTable * shape.columns
  }

  /// A matrix with so many times more rows than columns is taken for a table, of
  /// which a task reads some.
  private static let rowsOfTable = 16

  /// The position of `parameter`, which must be among them and train the rows it did at first.
  func position(of parameter: Parameter) -> Int {
    guard let position = positions[parameter] else {
      preconditionFailure("Optimizer: \(parameter.name) is not this optimizer's")
    }
    precondition(
      parameter.trainableRows == rows[position],
      "Optimizer: \(parameter.trainableRows.map { "\($0.count)" } ?? "all") rows of "
        + "\(parameter.name) train, others than the \(rows[position].map { "\($0.count)" } ?? "all") "
        + "when the optimizer was made")
    return position
  }
}
