import Synchronization

/// The parts of one head of one sequence: the blocks of its matrix M [T_i, T_i] and the products
/// with them.
extension AttentionKernel {
  /// The columns of all heads, row-major.
  struct Matrix {
    let start: UnsafePointer<Float>
    let stride: Int
    /// How many query heads share one head of this matrix: 1 for queries, G for keys and values.
    let sharing: Int

    init(_ start: UnsafePointer<Float>, stride: Int, sharing: Int = 1) {
      self.start = start
      self.stride = stride
      self.sharing = sharing
    }
  }

  /// A `Matrix` that can be written to.
  struct MutableMatrix {
    let start: UnsafeMutablePointer<Float>
    let stride: Int
    /// How many query heads share one head of this matrix: 1 for queries, G for keys and values.
    let sharing: Int

    init(_ start: UnsafeMutablePointer<Float>, stride: Int, sharing: Int = 1) {
      self.start = start
      self.stride = stride
      self.sharing = sharing
    }
  }

  struct Head {
    /// T_i.
    let length: Int
    /// The head's first row among the T rows.
    let firstRow: Int
    /// The index of its sequence.
    let example: Int
    /// The head's index among the H query heads.
    let index: Int
    /// The position of the head's first element in [H, T].
    let row: Int
    /// The position of the first element of the head's matrix in the stream of the dropout mask.
    let maskOffset: UInt64
  }

  /// Rows of M that are multiplied together, with the columns they attend to.
  struct Block {
    let head: Head
    let rows: Range<Int>
    /// The first of its columns.
    let firstColumn: Int
    /// C.
    let columns: Int

    var elements: Int { rows.count * columns }
  }

  /// Adjacent rows of a block that attend to the same columns.
  struct Run {
    /// The rows, counted from the block's first row.
    let rows: Range<Int>
    let columns: Int
    /// The position of the run's first element in the block.
    let start: Int
  }

  /// B, the number of rows of a block. It is smaller if rows attend to different columns, because
  /// the corners of each block are wasted work.
  private var blockRows: Int { isCausal || window != nil ? 64 : 128 }

  /// The columns to which a row of a head attends.
  private func columns(of row: Int, in head: Head) -> Range<Int> {
    let window = min(window ?? head.length, head.length)
    return max(0, row - window)..<(isCausal ? row + 1 : min(head.length, row + window + 1))
  }

  /// Calls `body` with queries, keys and values, or their tangents, without copying them.
  func withColumns<Result>(
    _ queries: HeadColumns, _ keys: HeadColumns, _ values: HeadColumns,
    _ body: (Matrix, Matrix, Matrix) -> Result
  ) -> Result {
    withElements(of: queries.tensor, keys.tensor, values.tensor) { q, k, v in
      body(
        Matrix(q + queries.first, stride: queries.stride),
        Matrix(k + keys.first, stride: keys.stride, sharing: sharing),
        Matrix(v + values.first, stride: values.stride, sharing: sharing))
    }
  }

  /// Calls `body` with queries, keys and values, or their tangents, and with the position biases of
  /// a table [K, H] if there is one.
  func withColumns<Result>(
    _ queries: HeadColumns, _ keys: HeadColumns, _ values: HeadColumns, _ table: Tensor?,
    _ body: (Matrix, Matrix, Matrix, DistanceBiases?) -> Result
  ) -> Result {
    withColumns(queries, keys, values) { queries, keys, values in
      guard let lookup, let table else { return body(queries, keys, values, nil) }
      return withElements(of: lookup.biases(of: table, times: 1 / scale)) { biases in
        body(
          queries, keys, values,
          DistanceBiases(start: biases, longest: lookup.longest, rowCount: table.shape.rows))
      }
    }
  }

  /// Calls `body` for every head of every sequence. Free workers take the next `together` heads and
  /// process them in order. Each worker has scratch space for the given number of blocks of the
  /// longest sequence, and for further elements.
  func forHeads(
    together: Int = 1, scratchBlocks: Int, scratchElements: Int = 0,
    _ body: (Head, UnsafeMutablePointer<Float>) -> Void
  ) {
    let runs = heads / together
    let tasks = partition.exampleCount * runs
    let workers = max(1, min(WorkerPool.shared.workerCount, tasks))
    let longest = (0..<partition.exampleCount).map { partition[$0].count }.max() ?? 0
    let size = scratchElements + scratchBlocks * min(longest, blockRows) * longest
    var scratch = Tensor(uninitialized: [workers, size])
    let next = Atomic<Int>(0)
    scratch.withUnsafeMutableElements { buffer in
      guard let base = buffer.baseAddress else { return }
      WorkerPool.shared.run(workers) { worker in
        while true {
          let task = next.add(1, ordering: .relaxed).oldValue
          guard task < tasks else { return }
          let (example, run) = (task / runs, task % runs)
          let rows = partition[example]
          for head in run * together..<(run + 1) * together {
            body(
              Head(
                length: rows.count, firstRow: rows.lowerBound, example: example, index: head,
                row: head * partition.rowCount + rows.lowerBound,
                maskOffset: UInt64(maskOffsets[example] + head * rows.count * rows.count)),
              base + worker * size)
          }
        }
      }
    }
  }

  /// Calls `body` for the blocks of M, from top to bottom.
  func forBlocks(of head: Head, _ body: (Block) -> Void) {
    for first in stride(from: 0, to: head.length, by: blockRows) {
      let last = min(head.length, first + blockRows)
      let firstColumn = columns(of: first, in: head).lowerBound
      body(
        Block(
          head: head, rows: first..<last, firstColumn: firstColumn,
          columns: columns(of: last - 1, in: head).upperBound - firstColumn))
    }
  }

  /// Calls `body` for the runs of a block: a single run if every token attends to all others, one
  /// run for each row otherwise.
  func forRuns(of block: Block, _ body: (Run) -> Void) {
    guard isCausal || window ?? block.head.length < block.head.length - 1 else {
      return body(Run(rows: 0..<block.rows.count, columns: block.columns, start: 0))
    }
    for row in 0..<block.rows.count {
      let columns = columns(of: block.rows.lowerBound + row, in: block.head)
      body(
        Run(
          rows: row..<row + 1, columns: columns.count,
          start: row * block.columns + columns.lowerBound - block.firstColumn))
    }
  }

  /// Zeroes the elements of a block to which the rows of a run do not attend.
  func clear(_ block: Block, _ run: Run, _ matrix: UnsafeMutablePointer<Float>) {
    guard run.columns < block.columns else { return }
    let start = run.rows.lowerBound * block.columns
    (matrix + start).update(repeating: 0, count: run.start - start)
    let end = run.start + run.columns
    (matrix + end).update(repeating: 0, count: start + block.columns - end)
  }

  /// M ← A Bᵀ (+ M), without the scale.
  func scores(
    _ block: Block, _ a: Matrix, _ b: Matrix, adding: Bool = false,
    into scores: UnsafeMutablePointer<Float>
  ) {
    BLAS.product(
      .plain, .transposed, rows: block.rows.count, columns: block.columns, inner: headWidth,
      element(of: a, block.head, row: block.rows.lowerBound), a.stride,
      element(of: b, block.head, row: block.firstColumn), b.stride, beta: adding ? 1 : 0, scores,
      block.columns)
  }

  /// M ← A Bᵀ + position biases, without the scale.
  func scores(
    _ block: Block, _ a: Matrix, _ b: Matrix, adding biases: DistanceBiases?,
    into scores: UnsafeMutablePointer<Float>
  ) {
    if let biases {
      for row in 0..<block.rows.count {
        (scores + row * block.columns).update(
          from: biases.forKeys(head: block.head.index, row: block.rows.lowerBound + row)
            + block.firstColumn, count: block.columns)
      }
    }
    self.scores(block, a, b, adding: biases != nil, into: scores)
  }

  /// Adds the block's elements M_ij to element T_i − 1 + j − i of `sums`.
  func sum(
    _ block: Block, _ matrix: UnsafePointer<Float>, byDistance sums: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<block.rows.count {
      let first = block.head.length - 1 - (block.rows.lowerBound + row) + block.firstColumn
      VectorKernels.active.addScaled(
        count: block.columns, 1, matrix + row * block.columns, to: sums + first)
    }
  }

  /// The block's rows of Y [T_i, D] ← M X (+ Y).
  func product(
    _ block: Block, _ matrix: UnsafePointer<Float>, _ x: Matrix, adding: Bool = false,
    into y: MutableMatrix
  ) {
    BLAS.product(
      rows: block.rows.count, columns: headWidth, inner: block.columns, matrix, block.columns,
      element(of: x, block.head, row: block.firstColumn), x.stride, beta: adding ? 1 : 0,
      element(of: y, block.head, row: block.rows.lowerBound), y.stride)
  }

  /// The block's part of Y [T_i, D] ← Mᵀ X. The first block of the first head that shares Y
  /// overwrites Y; all others add to it.
  func product(
    _ block: Block, transposing matrix: UnsafePointer<Float>, _ x: Matrix, into y: MutableMatrix
  ) {
    let isFirst = block.rows.lowerBound == 0 && block.head.index % y.sharing == 0
    if isFirst {
      for row in block.columns..<block.head.length {
        element(of: y, block.head, row: row).update(repeating: 0, count: headWidth)
      }
    }
    BLAS.product(
      .transposed, .plain, rows: block.columns, columns: headWidth, inner: block.rows.count,
      matrix, block.columns, element(of: x, block.head, row: block.rows.lowerBound), x.stride,
      beta: isFirst ? 0 : 1, element(of: y, block.head, row: block.firstColumn), y.stride)
  }

  /// Applies dropout to the elements of M, if enabled. Whether an element is dropped depends only
  /// on its position in M.
  func drop(_ block: Block, _ matrix: UnsafeMutablePointer<Float>) {
    guard let mask else { return }
    let length = block.head.length
    for row in 0..<block.rows.count {
      let columns = columns(of: block.rows.lowerBound + row, in: block.head)
      let first = matrix + row * block.columns + columns.lowerBound - block.firstColumn
      VectorKernels.active.dropout(
        count: columns.count, key: mask.key, site: mask.site,
        offset: mask.first + block.head.maskOffset
          + UInt64((block.rows.lowerBound + row) * length + columns.lowerBound),
        threshold: mask.threshold, scale: mask.scale, first, into: first)
    }
  }

  private func element(of matrix: Matrix, _ head: Head, row: Int = 0) -> UnsafePointer<Float> {
    matrix.start + (head.firstRow + row) * matrix.stride
      + head.index / matrix.sharing * headWidth
  }

  private func element(
    of matrix: MutableMatrix, _ head: Head, row: Int = 0
  ) -> UnsafeMutablePointer<Float> {
    matrix.start + (head.firstRow + row) * matrix.stride
      + head.index / matrix.sharing * headWidth
  }
}
