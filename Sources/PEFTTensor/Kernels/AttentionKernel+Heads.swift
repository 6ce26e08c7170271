import Synchronization

/// One head of one sequence, its matrix M [T_i, T_i] in blocks, and the products with it.
extension AttentionKernel {
  /// A row-major matrix in memory.
  struct Matrix {
    let start: UnsafePointer<Float>
    let stride: Int

    init(_ start: UnsafePointer<Float>, stride: Int) {
      self.start = start
      self.stride = stride
    }
  }

  /// A row-major matrix to be written.
  struct MutableMatrix {
    let start: UnsafeMutablePointer<Float>
    let stride: Int

    init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
      self.start = start
      self.stride = stride
    }
  }

  struct Head {
    /// T_i.
    let length: Int
    /// Its first row among T.
    let firstRow: Int
    /// Its first column among H·D.
    let firstColumn: Int
    /// Where it begins in [H, T].
    let row: Int
    /// Where its matrix begins in the stream of the dropout mask.
    let maskOffset: UInt64
  }

  /// Neighbouring rows of M that have the same number of columns.
  struct Run {
    let rows: Range<Int>
    let columns: Int
    /// The first element.
    let start: Int
    /// The columns that products with these rows look at.
    let end: Int
  }

  /// Rows that go through a product together where attention is causal.
  private static let blockRows = 64

  /// Reads three sets of columns in place.
  func withColumns<Result>(
    _ first: HeadColumns, _ second: HeadColumns, _ third: HeadColumns,
    _ body: (Matrix, Matrix, Matrix) -> Result
  ) -> Result {
    withElements(of: first.tensor, second.tensor, third.tensor) { a, b, c in
      body(
        Matrix(a + first.first, stride: first.stride),
        Matrix(b + second.first, stride: second.stride),
        Matrix(c + third.first, stride: third.stride))
    }
  }

  /// Calls `body` for every head of every sequence. The workers take the next one as they come
  /// free; each has scratch for the given number of matrices of the longest sequence.
  func forHeads(
    scratchMatrices: Int, _ body: (Head, UnsafeMutablePointer<Float>) -> Void
  ) {
    let tasks = partition.exampleCount * heads
    let workers = max(1, min(WorkerPool.shared.workerCount, tasks))
    let longest = (0..<partition.exampleCount).map { partition[$0].count }.max() ?? 0
    let size = scratchMatrices * longest * longest
    var scratch = Tensor(uninitialized: [workers, size])
    let next = Atomic<Int>(0)
    scratch.withUnsafeMutableElements { buffer in
      guard let base = buffer.baseAddress else { return }
      WorkerPool.shared.run(workers) { worker in
        while true {
          let task = next.add(1, ordering: .relaxed).oldValue
          guard task < tasks else { return }
          let (example, head) = (task / heads, task % heads)
          let rows = partition[example]
          body(
            Head(
              length: rows.count, firstRow: rows.lowerBound, firstColumn: head * headWidth,
              row: head * partition.rowCount + rows.lowerBound,
              maskOffset: UInt64(maskOffsets[example] + head * rows.count * rows.count)),
            base + worker * size)
        }
      }
    }
  }

  /// The rows of M in runs: one where every token sees all, one for each row where attention is causal.
  func forRuns(of head: Head, _ body: (Run) -> Void) {
    guard isCausal else {
      return body(Run(rows: 0..<head.length, columns: head.length, start: 0, end: head.length))
    }
    for row in 0..<head.length {
      let block = min(head.length, (row / Self.blockRows + 1) * Self.blockRows)
      body(Run(rows: row..<row + 1, columns: row + 1, start: row * head.length, end: block))
    }
  }

  /// The rows of M with the columns that products with them look at.
  private func forBlocks(of head: Head, _ body: (Range<Int>, Int) -> Void) {
    let step = isCausal ? Self.blockRows : max(1, head.length)
    for first in stride(from: 0, to: head.length, by: step) {
      let last = min(head.length, first + step)
      body(first..<last, last)
    }
  }

  /// Zeroes what a run does not see of its block.
  func clear(_ head: Head, _ run: Run, _ matrix: UnsafeMutablePointer<Float>) {
    guard run.columns < run.end else { return }
    (matrix + run.start + run.columns).update(repeating: 0, count: run.end - run.columns)
  }

  /// M ← A Bᵀ (+ M), without the scale.
  func scores(
    _ head: Head, _ a: Matrix, _ b: Matrix, adding: Bool = false,
    into scores: UnsafeMutablePointer<Float>
  ) {
    forBlocks(of: head) { rows, columns in
      BLAS.product(
        .plain, .transposed, rows: rows.count, columns: columns, inner: headWidth,
        element(of: a, head, row: rows.lowerBound), a.stride, element(of: b, head), b.stride,
        beta: adding ? 1 : 0, scores + rows.lowerBound * head.length, head.length)
    }
  }

  /// Y [T_i, D] ← M X (+ Y).
  func product(
    _ head: Head, _ matrix: UnsafePointer<Float>, _ x: Matrix, adding: Bool = false,
    into y: MutableMatrix
  ) {
    forBlocks(of: head) { rows, columns in
      BLAS.product(
        rows: rows.count, columns: headWidth, inner: columns,
        matrix + rows.lowerBound * head.length, head.length, element(of: x, head), x.stride,
        beta: adding ? 1 : 0, element(of: y, head, row: rows.lowerBound), y.stride)
    }
  }

  /// Y [T_i, D] ← Mᵀ X.
  func product(
    _ head: Head, transposing matrix: UnsafePointer<Float>, _ x: Matrix, into y: MutableMatrix
  ) {
    if isCausal {
      for row in 0..<head.length {
        element(of: y, head, row: row).update(repeating: 0, count: headWidth)
      }
    }
    forBlocks(of: head) { rows, columns in
      BLAS.product(
        .transposed, .plain, rows: columns, columns: headWidth, inner: rows.count,
        matrix + rows.lowerBound * head.length, head.length,
        element(of: x, head, row: rows.lowerBound), x.stride, beta: isCausal ? 1 : 0,
        element(of: y, head), y.stride)
    }
  }

  /// Drops elements of M, where there is dropout.
  func drop(_ head: Head, _ matrix: UnsafeMutablePointer<Float>) {
    guard let mask else { return }
    forRuns(of: head) { run in
      VectorKernels.active.dropout(
        count: run.rows.count * run.columns, key: mask.key, site: mask.site,
        offset: head.maskOffset + UInt64(run.start), threshold: mask.threshold, scale: mask.scale,
        matrix + run.start, into: matrix + run.start)
    }
  }

  private func element(of matrix: Matrix, _ head: Head, row: Int = 0) -> UnsafePointer<Float> {
    matrix.start + (head.firstRow + row) * matrix.stride + head.firstColumn
  }

  private func element(
    of matrix: MutableMatrix, _ head: Head, row: Int = 0
  ) -> UnsafeMutablePointer<Float> {
    matrix.start + (head.firstRow + row) * matrix.stride + head.firstColumn
  }
}
