import Synchronization

/// One head of one sequence, the blocks of its matrix M [T_i, T_i], and the products with them.
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

  /// Rows of M that go through products together, with the columns that they see.
  struct Block {
    let head: Head
    let rows: Range<Int>
    /// C.
    let columns: Int

    var elements: Int { rows.count * columns }
  }

  /// Neighbouring rows of a block that see the same number of columns.
  struct Run {
    /// Counted from the block's first.
    let rows: Range<Int>
    let columns: Int
    /// The first element in the block.
    let start: Int
  }

  /// B, the rows of a block: fewer where attention is causal, because a block's
  /// upper right is wasted.
  private var blockRows: Int { isCausal ? 64 : 128 }

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
  /// free; each has scratch for the given number of blocks of the longest sequence.
  func forHeads(
    scratchBlocks: Int, _ body: (Head, UnsafeMutablePointer<Float>) -> Void
  ) {
    let tasks = partition.exampleCount * heads
    let workers = max(1, min(WorkerPool.shared.workerCount, tasks))
    let longest = (0..<partition.exampleCount).map { partition[$0].count }.max() ?? 0
    let size = scratchBlocks * min(longest, blockRows) * longest
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

  /// The blocks of M, from above.
  func forBlocks(of head: Head, _ body: (Block) -> Void) {
    for first in stride(from: 0, to: head.length, by: blockRows) {
      let last = min(head.length, first + blockRows)
      body(Block(head: head, rows: first..<last, columns: isCausal ? last : head.length))
    }
  }

  /// The rows of a block in runs: one where every token sees all, one for each row where
  /// attention is causal.
  func forRuns(of block: Block, _ body: (Run) -> Void) {
    guard isCausal else {
      return body(Run(rows: 0..<block.rows.count, columns: block.columns, start: 0))
    }
    for row in 0..<block.rows.count {
      body(
        Run(
          rows: row..<row + 1, columns: block.rows.lowerBound + row + 1,
          start: row * block.columns))
    }
  }

  /// Zeroes what a run does not see of its block.
  func clear(_ block: Block, _ run: Run, _ matrix: UnsafeMutablePointer<Float>) {
    guard run.columns < block.columns else { return }
    (matrix + run.start + run.columns).update(repeating: 0, count: block.columns - run.columns)
  }

  /// M ← A Bᵀ (+ M), without the scale.
  func scores(
    _ block: Block, _ a: Matrix, _ b: Matrix, adding: Bool = false,
    into scores: UnsafeMutablePointer<Float>
  ) {
    BLAS.product(
      .plain, .transposed, rows: block.rows.count, columns: block.columns, inner: headWidth,
      element(of: a, block.head, row: block.rows.lowerBound), a.stride,
      element(of: b, block.head), b.stride, beta: adding ? 1 : 0, scores, block.columns)
  }

  /// The block's rows of Y [T_i, D] ← M X (+ Y).
  func product(
    _ block: Block, _ matrix: UnsafePointer<Float>, _ x: Matrix, adding: Bool = false,
    into y: MutableMatrix
  ) {
    BLAS.product(
      rows: block.rows.count, columns: headWidth, inner: block.columns, matrix, block.columns,
      element(of: x, block.head), x.stride, beta: adding ? 1 : 0,
      element(of: y, block.head, row: block.rows.lowerBound), y.stride)
  }

  /// The block's part of Y [T_i, D] ← Mᵀ X: the first block of a head writes, the others add.
  func product(
    _ block: Block, transposing matrix: UnsafePointer<Float>, _ x: Matrix, into y: MutableMatrix
  ) {
    let isFirst = block.rows.lowerBound == 0
    if isFirst {
      for row in block.columns..<block.head.length {
        element(of: y, block.head, row: row).update(repeating: 0, count: headWidth)
      }
    }
    BLAS.product(
      .transposed, .plain, rows: block.columns, columns: headWidth, inner: block.rows.count,
      matrix, block.columns, element(of: x, block.head, row: block.rows.lowerBound), x.stride,
      beta: isFirst ? 0 : 1, element(of: y, block.head), y.stride)
  }

  /// Drops elements of M, where there is dropout. An element's draw depends on
  /// its place in M alone.
  func drop(_ block: Block, _ matrix: UnsafeMutablePointer<Float>) {
    guard let mask else { return }
    let length = block.head.length
    for row in 0..<block.rows.count {
      let columns = isCausal ? block.rows.lowerBound + row + 1 : block.columns
      VectorKernels.active.dropout(
        count: columns, key: mask.key, site: mask.site,
        offset: block.head.maskOffset + UInt64((block.rows.lowerBound + row) * length),
        threshold: mask.threshold, scale: mask.scale, matrix + row * block.columns,
        into: matrix + row * block.columns)
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
