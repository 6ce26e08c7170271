import Synchronization

/// Attention of every sequence with itself, head by head, with one T_i × T_i matrix of scratch for
/// each worker.
///
/// Letters: T packed tokens, T_i those of sequence i, H heads of D columns each.
struct AttentionKernel {
  let queries: Tensor
  let keys: Tensor
  let values: Tensor
  let heads: Int
  let partition: RowPartition
  let mask: DropoutMask?
  private let scale: Float
  /// The first element of sequence i's matrices in the stream of the dropout mask.
  private let maskOffsets: [Int]

  init(
    queries: Tensor, keys: Tensor, values: Tensor, heads: Int, partition: RowPartition,
    mask: DropoutMask?
  ) {
    precondition(
      queries.shape == keys.shape && keys.shape == values.shape
        && heads > 0 && queries.shape.columns % heads == 0,
      "attention: queries \(queries.shape), keys \(keys.shape), values \(values.shape), "
        + "\(heads) heads")
    self.queries = queries
    self.keys = keys
    self.values = values
    self.heads = heads
    self.partition = partition
    self.mask = mask
    scale = 1 / Float(queries.shape.columns / heads).squareRoot()
    maskOffsets =
      RowPartition(
        lengths: (0..<partition.exampleCount).map {
          heads * partition[$0].count * partition[$0].count
        }
      ).offsets
  }

  /// O [T, H·D] and the log-sum-exp of each row of scaled scores [H, T].
  func forward() -> (output: Tensor, logSumExp: Tensor) {
    let (output, logSumExp) = newTensors(queries.shape, [heads, partition.rowCount]) {
      output, logSumExp in
      withElements(of: queries, keys, values) { queries, keys, values in
        forHeads(scratchMatrices: 1) { head, scratch in
          scores(head, queries, keys, into: scratch)
          VectorKernels.active.softmax(
            rows: head.length, columns: head.length, stride: head.length, scale: scale, scratch,
            logSumExp: logSumExp + head.row)
          drop(head, scratch)
          product(head, scratch, values, into: output)
        }
      }
    }
    return (output, logSumExp)
  }

  /// The cotangents of Q, K and V, from that of O.
  func pullBack(
    _ cotangent: Tensor, logSumExp: Tensor
  ) -> (queries: Tensor, keys: Tensor, values: Tensor) {
    var valueGradient = Tensor(uninitialized: [0])
    let (queryGradient, keyGradient) = newTensors(queries.shape, keys.shape) {
      queryGradient, keyGradient in
      valueGradient = Tensor(writing: values.shape) { valueGradient in
        withElements(of: queries, keys, values) { queries, keys, values in
          withElements(of: cotangent, logSumExp) { cotangent, logSumExp in
            forHeads(scratchMatrices: 2) { head, scratch in
              let size = head.length * head.length
              let (probabilities, gradient) = (scratch, scratch + size)
              self.probabilities(head, queries, keys, logSumExp, into: probabilities)
              if mask != nil {
                gradient.update(from: probabilities, count: size)
                drop(head, gradient)
                product(head, transposing: gradient, cotangent, into: valueGradient)
              } else {
                product(head, transposing: probabilities, cotangent, into: valueGradient)
              }
              scores(head, cotangent, values, into: gradient)
              drop(head, gradient)
              VectorKernels.active.softmaxPullback(
                rows: head.length, columns: head.length, stride: head.length, scale: scale,
                probabilities, gradient)
              product(head, gradient, keys, into: queryGradient)
              product(head, transposing: gradient, queries, into: keyGradient)
            }
          }
        }
      }
    }
    return (queryGradient, keyGradient, valueGradient)
  }

  /// The tangent of O, from those of Q, K and V. The derivative of the softmax is symmetric, so its
  /// pullback serves.
  func tangent(
    queries queryTangent: Tensor, keys keyTangent: Tensor, values valueTangent: Tensor,
    logSumExp: Tensor
  ) -> Tensor {
    Tensor(writing: queries.shape) { output in
      withElements(of: queries, keys, values) { queries, keys, values in
        withElements(of: queryTangent, keyTangent, valueTangent) {
          queryTangent, keyTangent, valueTangent in
          withElements(of: logSumExp) { logSumExp in
            forHeads(scratchMatrices: 2) { head, scratch in
              let (probabilities, change) = (scratch, scratch + head.length * head.length)
              self.probabilities(head, queries, keys, logSumExp, into: probabilities)
              scores(head, queryTangent, keys, into: change)
              scores(head, queries, keyTangent, adding: true, into: change)
              VectorKernels.active.softmaxPullback(
                rows: head.length, columns: head.length, stride: head.length, scale: scale,
                probabilities, change)
              drop(head, change)
              drop(head, probabilities)
              product(head, change, values, into: output)
              product(head, probabilities, valueTangent, adding: true, into: output)
            }
          }
        }
      }
    }
  }
}

extension AttentionKernel {
  /// One head of one sequence.
  private struct Head {
    /// T_i.
    let length: Int
    /// Where it begins in [T, H·D].
    let start: Int
    /// Where it begins in [H, T].
    let row: Int
    /// Where its matrix begins in the stream of the dropout mask.
    let maskOffset: UInt64
  }

  private var width: Int { queries.shape.columns }
  private var headWidth: Int { width / heads }

  /// Calls `body` for every head of every sequence. The workers take the next one as they come
  /// free; each has scratch for the given number of matrices of the longest sequence.
  private func forHeads(
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
              length: rows.count, start: rows.lowerBound * width + head * headWidth,
              row: head * partition.rowCount + rows.lowerBound,
              maskOffset: UInt64(maskOffsets[example] + head * rows.count * rows.count)),
            base + worker * size)
        }
      }
    }
  }

  /// S [T_i, T_i] ← A Bᵀ (+ S), without the scale.
  private func scores(
    _ head: Head, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, adding: Bool = false,
    into scores: UnsafeMutablePointer<Float>
  ) {
    BLAS.product(
      .plain, .transposed, rows: head.length, columns: head.length, inner: headWidth,
      a + head.start, width, b + head.start, width, beta: adding ? 1 : 0, scores, head.length)
  }

  /// P [T_i, T_i] from the saved log-sum-exp.
  private func probabilities(
    _ head: Head, _ queries: UnsafePointer<Float>, _ keys: UnsafePointer<Float>,
    _ logSumExp: UnsafePointer<Float>, into probabilities: UnsafeMutablePointer<Float>
  ) {
    scores(head, queries, keys, into: probabilities)
    VectorKernels.active.softmaxFromLogSumExp(
      rows: head.length, columns: head.length, stride: head.length, scale: scale, probabilities,
      logSumExp: logSumExp + head.row)
  }

  /// Y [T_i, D] ← M X (+ Y).
  private func product(
    _ head: Head, _ matrix: UnsafePointer<Float>, _ x: UnsafePointer<Float>, adding: Bool = false,
    into y: UnsafeMutablePointer<Float>
  ) {
    BLAS.product(
      rows: head.length, columns: headWidth, inner: head.length, matrix, head.length,
      x + head.start, width, beta: adding ? 1 : 0, y + head.start, width)
  }

  /// Y [T_i, D] ← Mᵀ X.
  private func product(
    _ head: Head, transposing matrix: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    BLAS.product(
      .transposed, .plain, rows: head.length, columns: headWidth, inner: head.length, matrix,
      head.length, x + head.start, width, y + head.start, width)
  }

  private func drop(_ head: Head, _ matrix: UnsafeMutablePointer<Float>) {
    guard let mask else { return }
    VectorKernels.active.dropout(
      count: head.length * head.length, key: mask.key, site: mask.site, offset: head.maskOffset,
      threshold: mask.threshold, scale: mask.scale, matrix, into: matrix)
  }
}
