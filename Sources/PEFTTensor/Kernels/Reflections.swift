/// The product Q = H₁ H₂ ⋯ H_R of reflections H_i = I − 2 û_i û_iᵀ, û_i = u_i / ‖u_i‖, in compact
/// form: Q = I − Ûᵀ S Û with S⁻¹ = ½ I + the part of Û Ûᵀ above its diagonal (Schreiber and Van
/// Loan 1989).
///
/// A vector of zeros reflects nothing.
package struct Reflections {
  /// Û [R, n], the unit vectors as rows.
  package let vectors: Tensor
  /// S [R, R].
  package let core: Tensor
  /// 1 / ‖u_i‖, [R]; 0 for a vector of zeros.
  let inverseNorms: Tensor

  /// The reflections by the columns of `columns` [n, R].
  package init(columns: Tensor) {
    var vectors = columns.transposed
    let norms = vectors.rowNorms
    inverseNorms = Tensor(norms.elements.map { $0 > 0 ? 1 / $0 : 0 }, shape: norms.shape)
    vectors.scaleRows(by: inverseNorms)
    self.vectors = vectors
    core = Self.core(MatrixProduct.forward(vectors, weight: vectors))
  }

  /// R.
  var count: Int { vectors.shape.rows }

  /// The inverse of ½ I + the part of `products` [R, R] above its diagonal, in Double.
  private static func core(_ products: Tensor) -> Tensor {
    let order = products.shape.rows
    let above = products.elements.map(Double.init)
    var inverse = [Double](repeating: 0, count: order * order)
    for column in 0..<order {
      inverse[column * order + column] = 2
      for row in stride(from: column - 1, through: 0, by: -1) {
        var sum = 0.0
        for middle in row + 1...column {
          sum += above[row * order + middle] * inverse[middle * order + column]
        }
        inverse[row * order + column] = -2 * sum
      }
    }
    return Tensor(inverse.map { Float($0) }, shape: products.shape)
  }

  /// X Qᵀ for rows X [T, n].
  func applied(to x: Tensor) -> Tensor { applied(to: x, products: products(x)) }

  /// X Ûᵀ [T, R].
  func products(_ x: Tensor) -> Tensor { MatrixProduct.forward(x, weight: vectors) }

  /// X Qᵀ, given X Ûᵀ.
  func applied(to x: Tensor, products: Tensor) -> Tensor {
    MatrixProduct.inputGradient(
      MatrixProduct.forward(products, weight: core), weight: vectors, scale: -1, addingTo: x)
  }

  /// W Q − W = B A for a weight W [out, n], with B [out, R] and A = Û.
  package func change(of weight: Tensor) -> (down: Tensor, up: Tensor) {
    let up = MatrixProduct.inputGradient(products(weight), weight: core, scale: -1)
    return (vectors, up)
  }

  /// The direction of Û for a direction of the columns [n, R]: (v_i − û_i (û_i · v_i)) / ‖u_i‖. It
  /// is its own transpose, so it also turns a gradient of Û into one of the columns' rows.
  func projected(_ direction: Tensor) -> Tensor {
    var result = direction
    let width = vectors.shape.columns
    result.withUnsafeMutableElements { target in
      withElements(of: vectors, inverseNorms) { vectors, inverse in
        for row in 0..<count {
          let range = row * width..<(row + 1) * width
          let overlap = range.reduce(0.0) { $0 + Double(target[$1]) * Double(vectors[$1]) }
          for index in range {
            target[index] = (target[index] - Float(overlap) * vectors[index]) * inverse[row]
          }
        }
      }
    }
    return result
  }

  /// The elements of a square matrix above the diagonal; zeros elsewhere.
  static func above(_ matrix: Tensor) -> Tensor {
    let order = matrix.shape.rows
    return Tensor(
      matrix.elements.enumerated().map { $0 % order > $0 / order ? $1 : 0 }, shape: matrix.shape)
  }
}
