extension RowKernels {
  /// x_t ∘ f + b for every row t of x [T, n], with f [n] and an optional b [n]; in place if x is
  /// uniquely referenced.
  static func scaledColumns(
    _ x: consuming Tensor, by factors: Tensor, adding shift: Tensor? = nil
  ) -> Tensor {
    let (shape, columns) = (x.shape, x.shape.columns)
    precondition(
      factors.count == columns && (shift?.count ?? columns) == columns,
      "scaledColumns: \(shape) by \(factors.shape), plus \(shift?.shape ?? factors.shape)")
    return elementwise(x) { x, y in
      withElements(of: factors) { factors in
        withElements(ofOptional: shift) { shift in
          forRows(of: shape) { rows in
            for row in rows {
              let start = row * columns
              VectorKernels.active.multiply(count: columns, x + start, factors, into: y + start)
            }
            guard let shift else { return }
            VectorKernels.active.addBias(
              rows: rows.count, columns: columns, stride: columns,
              to: y + rows.lowerBound * columns, bias: shift)
          }
        }
      }
    }
  }
}

extension Tensor {
  /// x_ij ← f_j x_ij, for self [m, n] and n factors.
  package mutating func scaleColumns(by factors: Tensor) {
    var scaled = Tensor(uninitialized: [0])
    swap(&scaled, &self)
    self = RowKernels.scaledColumns(consume scaled, by: factors)
  }

  /// x_ij ← f_i x_ij, for self [m, n] and m factors.
  package mutating func scaleRows(by factors: Tensor) {
    let (rows, columns) = (shape.rows, count / max(1, shape.rows))
    precondition(factors.count == rows, "scaleRows: \(shape) by \(factors.shape)")
    let shape = shape
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: factors) { factors in
        RowKernels.forRows(of: shape) { range in
          for row in range {
            VectorKernels.active.scale(count: columns, factors[row], target + row * columns)
          }
        }
      }
    }
  }

  /// self ∘ 1/d, as a vector [n]; 0 wherever the divisor is 0.
  package func divided(by divisor: Tensor) -> Tensor {
    precondition(count == divisor.count, "divided: \(shape) by \(divisor.shape)")
    return Tensor(writing: [count]) { target in
      withElements(of: self, divisor) { mine, divisor in
        for index in 0..<count {
          target[index] = divisor[index] == 0 ? 0 : mine[index] / divisor[index]
        }
      }
    }
  }
}
