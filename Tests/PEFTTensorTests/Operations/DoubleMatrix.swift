import PEFTTensor

/// A matrix in Double with plain loops, the reference in tests.
struct DoubleMatrix {
  let rows: Int
  let columns: Int
  var elements: [Double]

  /// A matrix defined element by element.
  init(rows: Int, columns: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
    self.rows = rows
    self.columns = columns
    elements = (0..<rows).flatMap { row in (0..<columns).map { element(row, $0) } }
  }

  /// The elements of a tensor; a vector becomes one row.
  init(_ tensor: Tensor) {
    rows = tensor.shape.rows
    columns = tensor.shape.columns
    elements = tensor.elements.map(Double.init)
  }

  subscript(row: Int, column: Int) -> Double { elements[row * columns + column] }

  subscript(row row: Int) -> [Double] { Array(elements[row * columns..<(row + 1) * columns]) }

  var transposed: DoubleMatrix {
    DoubleMatrix(rows: columns, columns: rows) { self[$1, $0] }
  }

  func map(_ transform: (Double) -> Double) -> DoubleMatrix {
    var result = self
    result.elements = elements.map(transform)
    return result
  }

  /// The element-wise product.
  func times(_ other: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(rows: rows, columns: columns) { self[$0, $1] * other[$0, $1] }
  }

  /// The rows of this matrix followed by those of `other`.
  func above(_ other: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(rows: rows + other.rows, columns: columns) {
      $0 < rows ? self[$0, $1] : other[$0 - rows, $1]
    }
  }

  /// Adds the only row of `other` to every row.
  func addingToRows(_ other: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(rows: rows, columns: columns) { self[$0, $1] + other[0, $1] }
  }

  static func + (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(rows: left.rows, columns: left.columns) { left[$0, $1] + right[$0, $1] }
  }

  static func * (factor: Double, matrix: DoubleMatrix) -> DoubleMatrix {
    matrix.map { factor * $0 }
  }

  /// The matrix product.
  static func * (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(rows: left.rows, columns: right.columns) { row, column in
      (0..<left.columns).reduce(0) { $0 + left[row, $1] * right[$1, column] }
    }
  }
}

/// ‖values − reference‖ / ‖reference‖ over all elements. It is infinite if an element is not finite
/// or if the reference is zero, so that a comparison `< tolerance` fails in both cases.
func relativeError(of values: Tensor, to reference: DoubleMatrix) -> Double {
  let mine = values.elements.map(Double.init)
  guard mine.count == reference.elements.count else { return .infinity }
  let difference = zip(mine, reference.elements).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let norm = reference.elements.reduce(0) { $0 + $1 * $1 }
  return difference.isFinite && norm > 0 ? (difference / norm).squareRoot() : .infinity
}
