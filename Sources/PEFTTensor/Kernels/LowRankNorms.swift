extension Tensor {
  /// The Euclidean norms of the rows of a matrix [m, n], [m].
  package var rowNorms: Tensor {
    let squares = sumsOfSquares(by: .rows)
    return Tensor(writing: [squares.count]) { norms in
      for row in squares.indices { norms[row] = Float(squares[row].squareRoot()) }
    }
  }
}

extension Parameter {
  /// The Euclidean norms of the rows of W + s B A, without forming the sum: ‖w_i‖² + 2 s
  /// b_i · (A w_i) + s² b_i (A Aᵀ) b_iᵀ.
  ///
  /// - Shapes: W [out, in] is self, `up` B [out, R], `down` A [R, in]; the result is [out].
  /// - Cost: one thin product with W. ‖w_i‖² is cached until W changes.
  /// - Accuracy: the terms are in Float32, with A w_i computed in `precision`, and are summed in
  ///   Double. If s B A nearly cancels a row of W, the error is relative to ‖w_i‖, not to the norm.
  ///   While B is zero, the norms are those of W, rounded once.
  package func rowNorms(
    adding up: Tensor, _ down: Tensor, scale: Double, precision: Precision
  ) -> Tensor {
    let squares = sumsOfRowSquares
    precondition(
      shape.rank == 2 && up.shape == [shape[0], down.shape.rows] && down.shape.columns == shape[1],
      "rowNorms: \(shape) plus \(up.shape) times \(down.shape)")
    // 2 s W Aᵀ + s² B (A Aᵀ), whose rows are multiplied with those of B.
    var factor = MatrixProduct.forward(down, weight: self, bias: nil, precision: precision)
      .transposed
    factor.scale(by: Float(2 * scale))
    factor.add(
      MatrixProduct.forward(up, weight: MatrixProduct.forward(down, weight: down)),
      scaledBy: Float(scale * scale))
    let rank = up.shape.columns
    return Tensor(writing: [shape.rows]) { norms in
      withElements(of: up, factor) { up, factor in
        for row in squares.indices {
          let change = VectorKernels.active.dot(
            count: rank, up + row * rank, factor + row * rank)
          norms[row] = Float(max(0, squares[row] + change).squareRoot())
        }
      }
    }
  }
}
