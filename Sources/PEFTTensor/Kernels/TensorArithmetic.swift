/// Arithmetic on whole tensors, in place where possible, spread over the workers.
///
/// Sums over a whole tensor are split into blocks of a fixed size, so they do not depend on the
/// number of workers.
extension Tensor {
  /// The number of elements in one block of a sum, and the minimum for which a worker is woken.
  private static let block = 1 << 15

  /// self ← self + other.
  mutating func add(_ other: Tensor) {
    precondition(shape == other.shape, "add: \(shape) and \(other.shape)")
    update(with: other) { VectorKernels.active.addScaled(count: $0, 1, $2, to: $1) }
  }

  /// self ← self + factor · other.
  public mutating func add(_ other: Tensor, scaledBy factor: Float) {
    precondition(shape == other.shape, "add: \(shape) and \(other.shape)")
    update(with: other) { VectorKernels.active.addScaled(count: $0, factor, $2, to: $1) }
  }

  /// self ← other, written to the existing storage of self.
  mutating func copyElements(of other: Tensor) {
    precondition(count == other.count, "copyElements: \(shape) and \(other.shape)")
    update(with: other) { $1.update(from: $2, count: $0) }
  }

  /// Sets every element to `value`.
  mutating func fill(_ value: Float) {
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      WorkerPool.shared.runRanges(buffer.count, grain: Self.block) { range in
        (target + range.lowerBound).update(repeating: value, count: range.count)
      }
    }
  }

  /// self ← factor · self.
  mutating func scale(by factor: Float) {
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      WorkerPool.shared.runRanges(buffer.count, grain: Self.block) { range in
        VectorKernels.active.scale(count: range.count, factor, target + range.lowerBound)
      }
    }
  }

  /// factor · self.
  func scaled(by factor: Float) -> Tensor {
    var result = Tensor(zeros: shape)
    result.add(self, scaledBy: factor)
    return result
  }

  /// Adds `row` [n] to every row of self [T, n].
  mutating func addToRows(_ row: Tensor) {
    let (rows, columns) = (shape.rows, shape.columns)
    precondition(row.count == columns, "addToRows: \(row.shape) to rows of \(shape)")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: row) { row in
        VectorKernels.active.addBias(
          rows: rows, columns: columns, stride: columns, to: target, bias: row)
      }
    }
  }

  /// self [n] ← Σ_t x_t, or self + Σ_t x_t, over the rows of x [T, n].
  mutating func accumulateColumnSums(of x: Tensor, accumulating: Bool) {
    let (rows, columns) = (x.shape.rows, x.shape.columns)
    precondition(count == columns, "column sums: \(x.shape) into \(shape)")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: x) { x in
        WorkerPool.shared.runRanges(columns, grain: 64) { range in
          VectorKernels.active.columnSums(
            rows: rows, columns: range.count, stride: columns, of: x + range.lowerBound,
            into: target + range.lowerBound, accumulating: accumulating)
        }
      }
    }
  }

  /// self [n] ← Σ_t x_t ∘ y_t, or self + Σ_t x_t ∘ y_t, over the rows of x and y [T, n].
  mutating func accumulateColumnSums(of x: Tensor, times y: Tensor, accumulating: Bool) {
    let (rows, columns) = (x.shape.rows, x.shape.columns)
    precondition(
      count == columns && x.shape == y.shape, "column sums: \(x.shape) · \(y.shape) into \(shape)")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: x, y) { x, y in
        WorkerPool.shared.runRanges(columns, grain: 64) { range in
          VectorKernels.active.columnSumsOfProducts(
            rows: rows, columns: range.count, stride: columns, of: x + range.lowerBound,
            times: y + range.lowerBound, into: target + range.lowerBound,
            accumulating: accumulating)
        }
      }
    }
  }

  /// Adds row t of x [T, n] to row `rows[t]` of self [V, n], in the order of t.
  mutating func scatterAdd(_ x: Tensor, rows: [Int32]) {
    let columns = x.shape.columns
    precondition(
      shape.columns == columns && rows.count == x.shape.rows
        && rows.allSatisfy { $0 >= 0 && Int($0) < shape.rows },
      "scatterAdd: \(x.shape) into \(shape), or a row outside it")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: x) { x in
        WorkerPool.shared.runRanges(columns, grain: 64) { range in
          for (index, row) in rows.enumerated() {
            VectorKernels.active.addScaled(
              count: range.count, 1, x + index * columns + range.lowerBound,
              to: target + Int(row) * columns + range.lowerBound)
          }
        }
      }
    }
  }

  /// self [m, n] ← self + scale · a [m, r] b [r, n].
  public mutating func addProduct(of a: Tensor, _ b: Tensor, scale: Float) {
    var sum = Tensor(uninitialized: [0])
    swap(&sum, &self)
    self = MatrixProduct.inputGradient(a, weight: b, scale: scale, addingTo: consume sum)
  }

  /// Σ x², in Double.
  public var sumOfSquares: Double {
    withElements(of: self) { elements in
      Self.sumOfBlocks(count) {
        VectorKernels.active.sumOfSquares(count: $0.count, elements + $0.lowerBound)
      }
    }
  }

  /// Σ x y, in Double.
  public func dot(_ other: Tensor) -> Double {
    precondition(count == other.count, "dot: \(shape) and \(other.shape)")
    return withElements(of: self, other) { mine, theirs in
      Self.sumOfBlocks(count) {
        VectorKernels.active.dot(count: $0.count, mine + $0.lowerBound, theirs + $0.lowerBound)
      }
    }
  }

  /// Whether every element is finite.
  public var isFinite: Bool {
    withElements(of: self) { elements in
      Self.sumOfBlocks(count) {
        VectorKernels.active.allFinite(count: $0.count, elements + $0.lowerBound) ? 0 : 1
      } == 0
    }
  }

  private static func sumOfBlocks(_ count: Int, _ partial: (Range<Int>) -> Double) -> Double {
    let blocks = (count + block - 1) / block
    guard blocks > 1 else { return count == 0 ? 0 : partial(0..<count) }
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: blocks) { sums in
      guard let target = sums.baseAddress else { return 0 }
      WorkerPool.shared.run(blocks) { index in
        (target + index).initialize(to: partial(index * block..<min(count, (index + 1) * block)))
      }
      return sums.reduce(0, +)
    }
  }

  private mutating func update(
    with other: Tensor, _ body: (Int, UnsafeMutablePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: other) { source in
        WorkerPool.shared.runRanges(buffer.count, grain: Self.block) { range in
          body(range.count, target + range.lowerBound, source + range.lowerBound)
        }
      }
    }
  }
}

/// Element-wise arithmetic on second moments.
extension Tensor {
  /// self ← self + other².
  public mutating func addSquares(of other: Tensor) {
    precondition(shape == other.shape, "addSquares: \(shape) and \(other.shape)")
    update(with: other) { count, target, source in
      for index in 0..<count { target[index] += source[index] * source[index] }
    }
  }

  /// self ← self / (√(scale · squares) + epsilon).
  public mutating func divide(
    byRootOf squares: Tensor, scaledBy scale: Float, plus epsilon: Float
  ) {
    precondition(shape == squares.shape, "divide: \(shape) and \(squares.shape)")
    update(with: squares) { count, target, source in
      for index in 0..<count {
        target[index] /= (scale * source[index]).squareRoot() + epsilon
      }
    }
  }
}
