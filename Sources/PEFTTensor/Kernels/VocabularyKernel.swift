/// Softmax over a vocabulary for many rows, one chunk of rows at a time, so that at most one chunk
/// of logits is in memory.
///
/// Notation: N rows, V tokens, width h. z_n = W x_n + b, p_n = softmax(z_n),
/// t_n = (1 − ε) · one-hot(label_n) + ε / V, ℓ_n = −Σ_v t_nv log p_nv.
struct VocabularyKernel {
  /// x [N, h].
  let rows: Tensor
  /// W [V, h] and b [V].
  let map: VocabularyMap
  let labels: [Int32]
  let smoothing: Double
  let precision: Precision

  /// The maximum number of logits in a chunk of more than one row. Every chunk packs W again and,
  /// if W is trainable, adds to its whole gradient, so chunks of few rows would be memory-bound.
  static let chunkElements = 1 << 25

  init(
    rows: Tensor, map: VocabularyMap, labels: [Int32], smoothing: Double,
    precision: Precision = .fp32
  ) {
    let (table, bias) = (map.table, map.bias)
    precondition(
      rows.shape.columns == table.shape.columns
        && (bias?.count ?? table.shape.rows) == table.shape.rows
        && labels.count == rows.shape.rows
        && labels.allSatisfy { $0 >= 0 && Int($0) < table.shape.rows },
      "vocabulary: \(labels.count) labels for rows \(rows.shape), table \(table.shape), or a label "
        + "outside it")
    self.rows = rows
    self.map = map
    self.labels = labels
    self.smoothing = smoothing
    self.precision = precision
  }

  private var count: Int { rows.shape.rows }
  private var vocabulary: Int { map.table.shape.rows }

  /// The rows in chunks of nearly equal length whose logits fit the limit.
  var chunks: [Range<Int>] {
    let most = map.rowsAtOnce
    let parts = (count + most - 1) / most
    return (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
  }

  /// ℓ [N] and, if `factor` is given, factor · Σ_v (p − t) W: the gradient of factor · Σ_n ℓ_n with
  /// respect to x [N, h].
  func losses(
    gradientScale factor: Float?
  ) -> (losses: [Double], gradient: Tensor?, logSumExp: [Float]) {
    var losses = [Double](repeating: 0, count: count)
    var logSums = [Float](repeating: 0, count: count)
    var gradient = factor.map { _ in Tensor(uninitialized: rows.shape) }
    let width = rows.shape.columns
    for chunk in chunks {
      var logits = logits(chunk)
      losses.withUnsafeMutableBufferPointer { losses in
        logSums.withUnsafeMutableBufferPointer { logSums in
          guard let losses = losses.baseAddress, let logSums = logSums.baseAddress else { return }
          forRows(of: &logits, chunk) { row, z in
            let label = z[Int(labels[row])]
            let mean = smoothing == 0 ? 0 : Self.mean(z, vocabulary)
            VectorKernels.active.softmax(
              rows: 1, columns: vocabulary, stride: vocabulary, scale: 1, z,
              logSumExp: logSums + row)
            let logSum = Double(logSums[row])
            losses[row] =
              logSum - (1 - smoothing) * Double(label) - smoothing * mean
            if let factor { finish(row, z, factor: factor) }
          }
        }
      }
      guard factor != nil else { continue }
      let part = MatrixProduct.inputGradient(logits, weight: map.table, precision: precision)
      gradient?.replaceRows(chunk.lowerBound * width, with: part)
    }
    return (losses, gradient, logSums)
  }

  /// Calls `body` with factor · (p − t) [n, V] of every chunk, recomputed from the log-sum-exps.
  func forGradients(
    _ factor: Float, logSumExp: [Float], _ body: (Range<Int>, Tensor) -> Void
  ) {
    for chunk in chunks {
      var logits = logits(chunk)
      logSumExp.withUnsafeBufferPointer { logSums in
        guard let logSums = logSums.baseAddress else { return }
        forRows(of: &logits, chunk) { row, z in
          VectorKernels.active.softmaxFromLogSumExp(
            rows: 1, columns: vocabulary, stride: vocabulary, scale: 1, z,
            logSumExp: logSums + row)
          finish(row, z, factor: factor)
        }
      }
      body(chunk, logits)
    }
  }

  /// Samples `samples` labels from p for every row. The samples of row n depend only on the
  /// generator and n.
  func draw(samples: Int, using generator: SeededGenerator) -> [[Int32]] {
    var draws = [Int32](repeating: 0, count: samples * count)
    for chunk in chunks {
      var logits = logits(chunk)
      draws.withUnsafeMutableBufferPointer { draws in
        guard let draws = draws.baseAddress else { return }
        forRows(of: &logits, chunk) { row, z in
          withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { logSum in
            guard let logSum = logSum.baseAddress else { return }
            VectorKernels.active.softmax(
              rows: 1, columns: vocabulary, stride: vocabulary, scale: 1, z, logSumExp: logSum)
          }
          var generator = generator.split(row)
          for sample in 0..<samples {
            var rest = generator.uniform()
            var label = 0
            while label < vocabulary - 1 {
              rest -= Double(z[label])
              if rest < 0 { break }
              label += 1
            }
            draws[sample * count + row] = Int32(label)
          }
        }
      }
    }
    return (0..<samples).map { Array(draws[$0 * count..<($0 + 1) * count]) }
  }

  /// For logits that change by Δz = W Δx + ΔW x + Δb, returns the slope Σ_v (p − t) Δz and the
  /// curvature Σ_v p Δz² − (Σ_v p Δz)² of every ℓ_n.
  func moments(
    rowTangent: Tensor?, tableDirection: Tensor?, biasDirection: Tensor?
  ) -> (slopes: [Double], curvatures: [Double]) {
    var slopes = [Double](repeating: 0, count: count)
    var curvatures = slopes
    for chunk in chunks {
      var logits = logits(chunk)
      var moved = rowTangent.map {
        MatrixProduct.forward($0.rows(chunk), weight: map.table, bias: nil, precision: .fp32)
      }
      if let tableDirection {
        moved = MatrixProduct.forward(
          rows.rows(chunk), weight: tableDirection, addingTo: moved)
      }
      if let biasDirection {
        var sum = moved ?? Tensor(zeros: [chunk.count, vocabulary])
        sum.addToRows(biasDirection)
        moved = sum
      }
      guard let moved else { continue }
      slopes.withUnsafeMutableBufferPointer { slopes in
        curvatures.withUnsafeMutableBufferPointer { curvatures in
          guard let slopes = slopes.baseAddress, let curvatures = curvatures.baseAddress else {
            return
          }
          withElements(of: moved) { moved in
            forRows(of: &logits, chunk) { row, z in
              let change = moved + (row - chunk.lowerBound) * vocabulary
              withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { logSum in
                guard let logSum = logSum.baseAddress else { return }
                VectorKernels.active.softmax(
                  rows: 1, columns: vocabulary, stride: vocabulary, scale: 1, z,
                  logSumExp: logSum)
              }
              var (mean, square) = (0.0, 0.0)
              for token in 0..<vocabulary {
                let weighted = Double(z[token]) * Double(change[token])
                mean += weighted
                square += weighted * Double(change[token])
              }
              let target =
                (1 - smoothing) * Double(change[Int(labels[row])])
                + (smoothing == 0 ? 0 : smoothing * Self.mean(change, vocabulary))
              slopes[row] = mean - target
              curvatures[row] = max(0, square - mean * mean)
            }
          }
        }
      }
    }
    return (slopes, curvatures)
  }

  /// z [n, V] of a chunk of rows.
  func logits(_ chunk: Range<Int>) -> Tensor {
    MatrixProduct.forward(
      rows.rows(chunk), weight: map.table, bias: map.bias, precision: precision)
  }

  /// p → factor · (p − t), in place.
  private func finish(_ row: Int, _ p: UnsafeMutablePointer<Float>, factor: Float) {
    if factor != 1 { VectorKernels.active.scale(count: vocabulary, factor, p) }
    if smoothing > 0 {
      let share = factor * Float(smoothing / Double(vocabulary))
      for token in 0..<vocabulary { p[token] -= share }
    }
    p[Int(labels[row])] -= factor * Float(1 - smoothing)
  }

  /// Calls `body` for the rows of a chunk, split among the workers.
  private func forRows(
    of logits: inout Tensor, _ chunk: Range<Int>,
    _ body: (Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    logits.withUnsafeMutableElements { buffer in
      guard let base = buffer.baseAddress else { return }
      WorkerPool.shared.runRanges(chunk.count, grain: max(1, (1 << 13) / vocabulary)) { range in
        for row in range { body(chunk.lowerBound + row, base + row * vocabulary) }
      }
    }
  }

  private static func mean(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += Double(x[index]) }
    return sum / Double(count)
  }
}

extension Tensor {
  /// Overwrites the elements from `start` on with those of `part`.
  fileprivate mutating func replaceRows(_ start: Int, with part: Tensor) {
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: part) { (target + start).update(from: $0, count: part.count) }
    }
  }
}
