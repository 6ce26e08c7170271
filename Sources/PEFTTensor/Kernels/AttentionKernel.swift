/// H·D columns of a tensor with T rows, one after the other: queries, keys or values.
struct HeadColumns {
  let tensor: Tensor
  let first: Int

  /// The distance between two rows, in elements.
  var stride: Int { tensor.shape.columns }
}

/// Attention of every sequence with itself, head by head, with one T_i × T_i matrix of scratch for
/// each worker.
///
/// Letters: T packed tokens, T_i those of sequence i, H heads of D columns each. Causal attention works
/// in blocks of rows and leaves out what lies right of them.
struct AttentionKernel {
  let queries: HeadColumns
  let keys: HeadColumns
  let values: HeadColumns
  let heads: Int
  /// H·D.
  let width: Int
  /// Whether a token sees those before it and itself only.
  let isCausal: Bool
  let partition: RowPartition
  let mask: DropoutMask?
  /// The first element of sequence i's matrices in the stream of the dropout mask.
  let maskOffsets: [Int]

  var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  init(
    queries: HeadColumns, keys: HeadColumns, values: HeadColumns, width: Int, heads: Int,
    isCausal: Bool, partition: RowPartition, mask: DropoutMask?
  ) {
    precondition(
      heads > 0 && width % heads == 0
        && [queries, keys, values].allSatisfy {
          $0.tensor.shape.rows == partition.rowCount && $0.first + width <= $0.stride
        },
      "attention: queries \(queries.tensor.shape), keys \(keys.tensor.shape), values "
        + "\(values.tensor.shape), \(heads) heads, width \(width)")
    self.queries = queries
    self.keys = keys
    self.values = values
    self.width = width
    self.heads = heads
    self.isCausal = isCausal
    self.partition = partition
    self.mask = mask
    maskOffsets =
      RowPartition(
        lengths: (0..<partition.exampleCount).map {
          heads * partition[$0].count * partition[$0].count
        }
      ).offsets
  }

  /// O [T, H·D] and the log-sum-exp of each row of scaled scores [H, T].
  func forward() -> (output: Tensor, logSumExp: Tensor) {
    newTensors([partition.rowCount, width], [heads, partition.rowCount]) { output, logSumExp in
      let output = MutableMatrix(output, stride: width)
      withColumns(queries, keys, values) { queries, keys, values in
        forHeads(scratchMatrices: 1) { head, scratch in
          scores(head, queries, keys, into: scratch)
          forRuns(of: head) { run in
            VectorKernels.active.softmax(
              rows: run.rows.count, columns: run.columns, stride: head.length, scale: scale,
              scratch + run.start, logSumExp: logSumExp + head.row + run.rows.lowerBound)
            clear(head, run, scratch)
          }
          drop(head, scratch)
          product(head, scratch, values, into: output)
        }
      }
    }
  }

  /// The cotangents of Q, K and V, from that of O, into tensors of the given columns.
  func pullBack(
    _ cotangent: Tensor, logSumExp: Tensor, queries queryGradient: MutableMatrix,
    keys keyGradient: MutableMatrix, values valueGradient: MutableMatrix
  ) {
    withColumns(queries, keys, values) { queries, keys, values in
      withElements(of: cotangent, logSumExp) { cotangent, logSumExp in
        let cotangent = Matrix(cotangent, stride: width)
        forHeads(scratchMatrices: 2) { head, scratch in
          let (probabilities, gradient) = (scratch, scratch + head.length * head.length)
          self.probabilities(head, queries, keys, logSumExp, into: probabilities)
          if mask != nil {
            gradient.update(from: probabilities, count: head.length * head.length)
            drop(head, gradient)
            product(head, transposing: gradient, cotangent, into: valueGradient)
          } else {
            product(head, transposing: probabilities, cotangent, into: valueGradient)
          }
          scores(head, cotangent, values, into: gradient)
          drop(head, gradient)
          softmaxPullback(head, probabilities, gradient)
          product(head, gradient, keys, into: queryGradient)
          product(head, transposing: gradient, queries, into: keyGradient)
        }
      }
    }
  }

  /// The tangent of O, from those of Q, K and V. The derivative of the softmax is symmetric, so its
  /// pullback serves.
  func tangent(
    queries queryTangent: HeadColumns, keys keyTangent: HeadColumns,
    values valueTangent: HeadColumns,
    logSumExp: Tensor
  ) -> Tensor {
    Tensor(writing: [partition.rowCount, width]) { output in
      let output = MutableMatrix(output, stride: width)
      withColumns(queries, keys, values) { queries, keys, values in
        withColumns(queryTangent, keyTangent, valueTangent) {
          queryTangent, keyTangent, valueTangent in
          withElements(of: logSumExp) { logSumExp in
            forHeads(scratchMatrices: 2) { head, scratch in
              let (probabilities, change) = (scratch, scratch + head.length * head.length)
              self.probabilities(head, queries, keys, logSumExp, into: probabilities)
              scores(head, queryTangent, keys, into: change)
              scores(head, queries, keyTangent, adding: true, into: change)
              softmaxPullback(head, probabilities, change)
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

  /// P [T_i, T_i] from the saved log-sum-exp.
  private func probabilities(
    _ head: Head, _ queries: Matrix, _ keys: Matrix, _ logSumExp: UnsafePointer<Float>,
    into probabilities: UnsafeMutablePointer<Float>
  ) {
    scores(head, queries, keys, into: probabilities)
    forRuns(of: head) { run in
      VectorKernels.active.softmaxFromLogSumExp(
        rows: run.rows.count, columns: run.columns, stride: head.length, scale: scale,
        probabilities + run.start, logSumExp: logSumExp + head.row + run.rows.lowerBound)
      clear(head, run, probabilities)
    }
  }

  private func softmaxPullback(
    _ head: Head, _ probabilities: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    forRuns(of: head) { run in
      VectorKernels.active.softmaxPullback(
        rows: run.rows.count, columns: run.columns, stride: head.length, scale: scale,
        probabilities + run.start, gradient + run.start)
      clear(head, run, gradient)
    }
  }
}
