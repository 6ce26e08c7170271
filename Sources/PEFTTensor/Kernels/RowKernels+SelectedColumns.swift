extension RowKernels {
  /// The columns `range` of x [T, n], as a tensor [T, |range|].
  static func columns(_ range: Range<Int>, of x: Tensor) -> Tensor {
    let (shape, width) = (x.shape, range.count)
    return Tensor(writing: [shape.rows, width]) { y in
      withElements(of: x) { x in
        forRows(of: [shape.rows, width]) { rows in
          for row in rows {
            (y + row * width).update(
              from: x + row * shape.columns + range.lowerBound, count: width)
          }
        }
      }
    }
  }

  /// A tensor [T, n] with n = `columns` whose columns `range` are y [T, |range|], and zero beside.
  static func zeros(columns: Int, but range: Range<Int>, of y: Tensor) -> Tensor {
    let (rowCount, width) = (y.shape.rows, range.count)
    return Tensor(writing: [rowCount, columns]) { x in
      withElements(of: y) { y in
        forRows(of: [rowCount, columns]) { rows in
          for row in rows {
            let start = x + row * columns
            start.update(repeating: 0, count: range.lowerBound)
            (start + range.lowerBound).update(from: y + row * width, count: width)
            (start + range.upperBound).update(repeating: 0, count: columns - range.upperBound)
          }
        }
      }
    }
  }
}
