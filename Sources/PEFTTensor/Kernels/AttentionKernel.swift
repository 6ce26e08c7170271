/// The columns of the heads, side by side, in a tensor with T rows: queries, keys or values.
struct HeadColumns {
  let tensor: Tensor
  let first: Int

  /// The distance between two rows, in elements.
  var stride: Int { tensor.shape.columns }
}

/// Self-attention of every sequence, computed head by head and in blocks of rows.
///
/// No T_i × T_i matrix is ever in memory: each worker has scratch space for one or two blocks.
///
/// Notation: T packed tokens, T_i of them in sequence i, H query heads and H_kv key and value heads
/// of D columns each. G = H / H_kv adjacent query heads share one key and value head. A block of M
/// (some rows of scores, of probabilities or of their gradients) has B rows and C adjacent columns,
/// which are all to which one of those rows attends.
struct AttentionKernel {
  let queries: HeadColumns
  let keys: HeadColumns
  let values: HeadColumns
  /// H.
  let heads: Int
  /// G.
  let sharing: Int
  /// D.
  let headWidth: Int
  /// Whether a token attends only to itself and to earlier tokens.
  let isCausal: Bool
  /// The largest distance between a token and those to which it attends; nil if there is none.
  let window: Int?
  let partition: RowPartition
  let mask: DropoutMask?
  /// Where the position bias of each distance is; nil if there are no position biases.
  let lookup: DistanceLookup?
  /// The first element of sequence i's matrices in the stream of the dropout mask.
  let maskOffsets: [Int]

  /// H·D.
  var width: Int { heads * headWidth }
  var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// Attention with queries, keys and values in three tensors, or side by side in one.
  init(
    _ tensors: [Tensor], heads: Int, keyValueHeads: Int, headWidth: Int, isCausal: Bool,
    window: Int? = nil, partition: RowPartition, mask: DropoutMask?, lookup: DistanceLookup? = nil
  ) {
    let (width, sharedWidth) = (heads * headWidth, keyValueHeads * headWidth)
    let isJoint = tensors.count == 1
    let holders = Self.holders(tensors)
    queries = HeadColumns(tensor: holders[0], first: 0)
    keys = HeadColumns(tensor: holders[1], first: isJoint ? width : 0)
    values = HeadColumns(tensor: holders[2], first: isJoint ? width + sharedWidth : 0)
    precondition(
      heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0
        && zip([queries, keys, values], [width, sharedWidth, sharedWidth]).allSatisfy {
          $0.tensor.shape.rows == partition.rowCount && $0.first + $1 <= $0.stride
        },
      "attention: queries \(queries.tensor.shape), keys \(keys.tensor.shape), values "
        + "\(values.tensor.shape), \(heads) heads of \(headWidth) columns, \(keyValueHeads) of "
        + "keys and values")
    self.heads = heads
    sharing = heads / keyValueHeads
    self.headWidth = headWidth
    self.isCausal = isCausal
    self.window = window
    self.partition = partition
    self.mask = mask
    self.lookup = lookup
    maskOffsets =
      RowPartition(
        lengths: (0..<partition.exampleCount).map {
          heads * partition[$0].count * partition[$0].count
        }
      ).offsets
  }

  /// The tensors that hold queries, keys and values: three tensors, or one three times.
  private static func holders<Holder>(_ all: [Holder]) -> [Holder] {
    all.count == 1 ? [all[0], all[0], all[0]] : all
  }

  /// Returns O [T, H·D] and, for each row of scaled scores, the log-sum-exp [H, T].
  ///
  /// - Parameter biases: the table of position biases [K, H]; nil if there are none.
  func forward(biases: Tensor? = nil) -> (output: Tensor, logSumExp: Tensor) {
    newTensors([partition.rowCount, width], [heads, partition.rowCount]) { output, logSumExp in
      let output = MutableMatrix(output, stride: width)
      withColumns(queries, keys, values, biases) { queries, keys, values, biases in
        forHeads(scratchBlocks: 1) { head, scratch in
          forBlocks(of: head) { block in
            scores(block, queries, keys, adding: biases, into: scratch)
            forRuns(of: block) { run in
              VectorKernels.active.softmax(
                rows: run.rows.count, columns: run.columns, stride: block.columns, scale: scale,
                scratch + run.start,
                logSumExp: logSumExp + head.row + block.rows.lowerBound + run.rows.lowerBound)
              clear(block, run, scratch)
            }
            drop(block, scratch)
            product(block, scratch, values, into: output)
          }
        }
      }
    }
  }

  /// Computes the cotangents of Q, K and V from that of O, in the layout of the tensors that hold
  /// Q, K and V. Heads that share keys add to the same cotangent, so one worker processes them in
  /// order.
  ///
  /// - Parameter biasGradients: receives the gradient of the position biases for each example, B
  ///   arrays [K, H]; nil if it is not wanted.
  func pullBack(
    _ cotangent: Tensor, logSumExp: Tensor, biases: Tensor? = nil,
    into gradients: [UnsafeMutablePointer<Float>],
    biasGradients: UnsafeMutablePointer<Float>? = nil
  ) {
    let holders = Self.holders(gradients)
    let queryGradient = MutableMatrix(holders[0] + queries.first, stride: queries.stride)
    let keyGradient = MutableMatrix(
      holders[1] + keys.first, stride: keys.stride, sharing: sharing)
    let valueGradient = MutableMatrix(
      holders[2] + values.first, stride: values.stride, sharing: sharing)
    // The sums of a head's gradients over the pairs of tokens at each distance.
    let distanceCount = biasGradients == nil ? 0 : lookup?.rows.count ?? 0
    withColumns(queries, keys, values, biases) { queries, keys, values, biases in
      withElements(of: cotangent, logSumExp) { cotangent, logSumExp in
        let cotangent = Matrix(cotangent, stride: width)
        forHeads(together: sharing, scratchBlocks: 2, scratchElements: distanceCount) {
          head, scratch in
          let (distanceSums, scratch) = (scratch, scratch + distanceCount)
          distanceSums.update(repeating: 0, count: distanceCount)
          forBlocks(of: head) { block in
            let (probabilities, gradient) = (scratch, scratch + block.elements)
            self.probabilities(block, queries, keys, biases, logSumExp, into: probabilities)
            if mask != nil {
              gradient.update(from: probabilities, count: block.elements)
              drop(block, gradient)
              product(block, transposing: gradient, cotangent, into: valueGradient)
            } else {
              product(block, transposing: probabilities, cotangent, into: valueGradient)
            }
            scores(block, cotangent, values, into: gradient)
            drop(block, gradient)
            softmaxPullback(block, probabilities, gradient)
            product(block, gradient, keys, into: queryGradient)
            product(block, transposing: gradient, queries, into: keyGradient)
            if biasGradients != nil { sum(block, gradient, byDistance: distanceSums) }
          }
          guard let biasGradients, let lookup, let rowCount = biases?.rowCount else { return }
          lookup.collect(
            distanceSums, length: head.length, times: 1 / scale, rowCount: rowCount,
            into: biasGradients + head.example * rowCount * heads + head.index, stride: heads)
        }
      }
    }
  }

  /// The tangent of O, from the tangents of the tensors that hold Q, K and V. The Jacobian of the
  /// softmax is symmetric, so its pullback also computes tangents.
  ///
  /// - Parameter biasTangent: the tangent of the position biases [K, H]; nil means zero.
  func tangent(
    _ tangents: [Tensor], logSumExp: Tensor, biases: Tensor? = nil, biasTangent: Tensor? = nil
  ) -> Tensor {
    let holders = Self.holders(tangents)
    let queryTangent = HeadColumns(tensor: holders[0], first: queries.first)
    let keyTangent = HeadColumns(tensor: holders[1], first: keys.first)
    let valueTangent = HeadColumns(tensor: holders[2], first: values.first)
    return Tensor(writing: [partition.rowCount, width]) { output in
      let output = MutableMatrix(output, stride: width)
      withColumns(queries, keys, values, biases) { queries, keys, values, biases in
        withColumns(queryTangent, keyTangent, valueTangent, biasTangent) {
          queryTangent, keyTangent, valueTangent, biasTangent in
          withElements(of: logSumExp) { logSumExp in
            forHeads(scratchBlocks: 2) { head, scratch in
              forBlocks(of: head) { block in
                let (probabilities, change) = (scratch, scratch + block.elements)
                self.probabilities(block, queries, keys, biases, logSumExp, into: probabilities)
                scores(block, queryTangent, keys, adding: biasTangent, into: change)
                scores(block, queries, keyTangent, adding: true, into: change)
                softmaxPullback(block, probabilities, change)
                drop(block, change)
                drop(block, probabilities)
                product(block, change, values, into: output)
                product(block, probabilities, valueTangent, adding: true, into: output)
              }
            }
          }
        }
      }
    }
  }

  /// Recomputes a block of P from the saved log-sum-exp.
  private func probabilities(
    _ block: Block, _ queries: Matrix, _ keys: Matrix, _ biases: DistanceBiases?,
    _ logSumExp: UnsafePointer<Float>, into probabilities: UnsafeMutablePointer<Float>
  ) {
    scores(block, queries, keys, adding: biases, into: probabilities)
    forRuns(of: block) { run in
      VectorKernels.active.softmaxFromLogSumExp(
        rows: run.rows.count, columns: run.columns, stride: block.columns, scale: scale,
        probabilities + run.start,
        logSumExp: logSumExp + block.head.row + block.rows.lowerBound + run.rows.lowerBound)
      clear(block, run, probabilities)
    }
  }

  private func softmaxPullback(
    _ block: Block, _ probabilities: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    forRuns(of: block) { run in
      VectorKernels.active.softmaxPullback(
        rows: run.rows.count, columns: run.columns, stride: block.columns, scale: scale,
        probabilities + run.start, gradient + run.start)
      clear(block, run, gradient)
    }
  }
}
