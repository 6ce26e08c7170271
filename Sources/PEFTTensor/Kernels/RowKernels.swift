/// Kernels that work row by row on packed tensors, with the rows split among the workers.
enum RowKernels {
  /// The minimum number of elements for which a worker is woken.
  private static let grain = 1 << 13

  static func forRows(of shape: Shape, _ body: (Range<Int>) -> Void) {
    WorkerPool.shared.runRanges(shape.rows, grain: max(1, grain / max(shape.columns, 1)), body)
  }

  private static func forElements(of shape: Shape, _ body: (Range<Int>) -> Void) {
    WorkerPool.shared.runRanges(shape.count, grain: grain, body)
  }

  /// f(x), element by element.
  static func activation(_ x: Tensor, _ activation: Activation) -> Tensor {
    Tensor(writing: x.shape) { y in
      withElements(of: x) { input in
        forElements(of: x.shape) { range in
          activation.apply(
            count: range.count, input + range.lowerBound, into: y + range.lowerBound)
        }
      }
    }
  }

  /// f(x) of a tensor that a tape saved.
  static func activation(of saved: SavedTensor, _ activation: Activation) -> Tensor {
    Tensor(writing: saved.shape) { y in
      forElements(of: saved.shape) { range in
        saved.read(range) { part, x in
          activation.apply(count: part.count, x, into: y + part.lowerBound)
        }
      }
    }
  }

  /// f′ ∘ v, in place if v is uniquely referenced. `saved` is the output of tanh, and the input of
  /// any other activation.
  static func activationDerivative(
    _ saved: SavedTensor, _ activation: Activation, times v: consuming Tensor
  ) -> Tensor {
    precondition(saved.shape == v.shape, "activation: saved \(saved.shape), factor \(v.shape)")
    return elementwise(v) { v, result in
      forElements(of: saved.shape) { range in
        saved.read(range) { part, saved in
          activation.multiplyDerivative(
            count: part.count, saved, times: v + part.lowerBound, into: result + part.lowerBound)
        }
      }
    }
  }

  /// x ∘ y, in place if x is uniquely referenced.
  static func product(_ x: consuming Tensor, _ y: Tensor) -> Tensor {
    let shape = x.shape
    precondition(shape == y.shape, "product: \(shape) and \(y.shape)")
    return elementwise(x) { x, z in
      withElements(of: y) { y in
        forElements(of: shape) { range in
          let first = range.lowerBound
          VectorKernels.active.multiply(
            count: range.count, x + first, y + first, into: z + first)
        }
      }
    }
  }

  /// y_t = Σ_j table_j[rows_j[t]].
  static func gatherSum(_ lookups: [(table: Tensor, rows: [Int32])]) -> Tensor {
    guard let first = lookups.first else { preconditionFailure("embeddingSum: no table") }
    let columns = first.table.shape.columns
    let shape: Shape = [first.rows.count, columns]
    return Tensor(writing: shape) { y in
      forRows(of: shape) { range in
        for (index, (table, rows)) in lookups.enumerated() {
          withElements(of: table) { table in
            for row in range {
              let (source, target) = (table + Int(rows[row]) * columns, y + row * columns)
              if index == 0 {
                target.update(from: source, count: columns)
              } else {
                VectorKernels.active.addScaled(count: columns, 1, source, to: target)
              }
            }
          }
        }
      }
    }
  }

  /// One row for each example: its first row, its last, or the mean of its rows.
  static func pool(_ x: Tensor, _ pooling: Pooling, partition: RowPartition) -> Tensor {
    let columns = x.shape.columns
    return Tensor(writing: [partition.exampleCount, columns]) { y in
      withElements(of: x) { x in
        for example in 0..<partition.exampleCount {
          let rows = partition[example]
          precondition(!rows.isEmpty, "pool: example \(example) has no row")
          let target = y + example * columns
          let chosen = pooling == .last ? rows.upperBound - 1 : rows.lowerBound
          target.update(from: x + chosen * columns, count: columns)
          guard pooling == .mean else { continue }
          for row in rows.dropFirst() {
            VectorKernels.active.addScaled(count: columns, 1, x + row * columns, to: target)
          }
          VectorKernels.active.scale(count: columns, 1 / Float(rows.count), target)
        }
      }
    }
  }

  /// The transpose of `pool`.
  static func unpool(_ y: Tensor, _ pooling: Pooling, partition: RowPartition) -> Tensor {
    let columns = y.shape.columns
    var x = Tensor(zeros: [partition.rowCount, columns])
    x.withUnsafeMutableElements { buffer in
      guard let x = buffer.baseAddress else { return }
      withElements(of: y) { y in
        for example in 0..<partition.exampleCount {
          let rows = partition[example]
          let factor = pooling == .mean ? 1 / Float(rows.count) : 1
          let receivers =
            switch pooling {
            case .first: rows.prefix(1)
            case .last: rows.suffix(1)
            case .mean: rows
            }
          for row in receivers {
            VectorKernels.active.addScaled(
              count: columns, factor, y + example * columns, to: x + row * columns)
          }
        }
      }
    }
    return x
  }
}

extension RowKernels {
  /// The values a norm saves for its derivatives.
  struct Normalization {
    /// x̂ [T, n].
    let normalized: Tensor
    /// 1 / √(var + ε) of a layer norm, 1 / √(mean s² + ε) of an RMS norm [T].
    let inverseDeviation: Tensor
  }

  /// γ ∘ x̂ + β for s = x + residual; see `Tape.layerNorm`. With `saving`, also returns what the
  /// derivatives need.
  static func layerNorm(
    _ x: Tensor, residual: Tensor?, scale: Tensor, shift: Tensor, epsilon: Float, saving: Bool
  ) -> (output: Tensor, saved: Normalization?) {
    let (shape, columns) = (x.shape, x.shape.columns)
    precondition(
      scale.count == columns && shift.count == columns
        && (residual?.shape ?? shape) == shape,
      "layerNorm: input \(shape), residual \(residual?.shape ?? shape), scale \(scale.shape)")
    var normalized = Tensor(uninitialized: [0])
    var deviation = normalized
    let output = Tensor(writing: shape) { y in
      let savedShape = saving ? shape : [0]
      (normalized, deviation) = newTensors(savedShape, [shape.rows]) { saved, deviation in
        // The kernel writes a row of x̂ before it writes the same row of y.
        let normalized = saving ? saved : y
        withElements(of: x, scale, shift) { x, scale, shift in
          withElements(ofOptional: residual) { residual in
            forRows(of: shape) { rows in
              let start = rows.lowerBound * columns
              VectorKernels.active.layerNorm(
                rows: rows.count, columns: columns, x + start,
                residual: residual.map { $0 + start },
                scale: scale, shift: shift, epsilon: epsilon, into: y + start,
                normalized: normalized + start, inverseDeviation: deviation + rows.lowerBound)
            }
          }
        }
      }
    }
    let saved = Normalization(normalized: normalized, inverseDeviation: deviation)
    return (output, saving ? saved : nil)
  }

  /// The cotangent of s, from the cotangent of the output.
  static func layerNormPullback(
    _ cotangent: Tensor, saved: Normalization, scale: Tensor
  ) -> Tensor {
    let (shape, columns) = (cotangent.shape, cotangent.shape.columns)
    return Tensor(writing: shape) { result in
      withElements(of: cotangent, saved.normalized) { cotangent, normalized in
        withElements(of: saved.inverseDeviation, scale) { deviation, scale in
          forRows(of: shape) { rows in
            let start = rows.lowerBound * columns
            VectorKernels.active.layerNormPullback(
              rows: rows.count, columns: columns, cotangent + start,
              normalized: normalized + start, inverseDeviation: deviation + rows.lowerBound,
              scale: scale, into: result + start)
          }
        }
      }
    }
  }

  /// The tangent of the output, from the tangents of s, γ and β; nil means zero.
  static func layerNormTangent(
    _ tangent: Tensor?, saved: Normalization, scale: Tensor, scaleDirection: Tensor?,
    shiftDirection: Tensor?
  ) -> Tensor {
    let (shape, columns) = (saved.normalized.shape, saved.normalized.shape.columns)
    return Tensor(writing: shape) { result in
      withElements(of: saved.normalized, saved.inverseDeviation, scale) {
        normalized, deviation, scale in
        withElements(ofOptional: tangent) { tangent in
          withElements(ofOptional: scaleDirection) { scaleDirection in
            withElements(ofOptional: shiftDirection) { shiftDirection in
              forRows(of: shape) { rows in
                let start = rows.lowerBound * columns
                VectorKernels.active.layerNormTangent(
                  rows: rows.count, columns: columns, tangent.map { $0 + start },
                  normalized: normalized + start, inverseDeviation: deviation + rows.lowerBound,
                  scale: scale, scaleDirection: scaleDirection, shiftDirection: shiftDirection,
                  into: result + start)
              }
            }
          }
        }
      }
    }
  }
}

extension RowKernels.Normalization {
  /// γ ∘ x̂ + β, bit for bit the output of `layerNorm`. It equals the tangent of the output along γ
  /// and β.
  func output(scale: Tensor, shift: Tensor) -> Tensor {
    RowKernels.layerNormTangent(
      nil, saved: self, scale: scale, scaleDirection: scale, shiftDirection: shift)
  }
}

extension Activation {
  /// y ← f(x) for `count` elements; y may be x.
  func apply(count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    let kernels = VectorKernels.active
    switch self {
    case .gelu: kernels.gelu(count: count, x, into: y)
    case .geluTanh: kernels.geluTanh(count: count, x, into: y)
    case .tanh: kernels.tanh(count: count, x, into: y)
    case .silu: kernels.silu(count: count, x, into: y)
    case .relu: kernels.relu(count: count, x, into: y)
    }
  }

  /// y ← f′ ∘ v for `count` elements; y may be v. `saved` is the output of tanh, and the input of
  /// any other activation.
  func multiplyDerivative(
    count: Int, _ saved: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    let kernels = VectorKernels.active
    switch self {
    case .gelu: kernels.geluDerivative(count: count, saved, times: v, into: y)
    case .geluTanh: kernels.geluTanhDerivative(count: count, saved, times: v, into: y)
    case .tanh: kernels.tanhDerivative(count: count, saved, times: v, into: y)
    case .silu: kernels.siluDerivative(count: count, saved, times: v, into: y)
    case .relu: kernels.reluDerivative(count: count, saved, times: v, into: y)
    }
  }
}

extension DropoutMask {
  /// m ∘ x / (1 − p), in place if x is uniquely referenced. The mask of an element depends only on
  /// its position.
  func applied(to x: consuming Tensor) -> Tensor {
    let count = x.count
    return elementwise(x) { x, y in
      WorkerPool.shared.runRanges(count, grain: 1 << 13) { range in
        VectorKernels.active.dropout(
          count: range.count, key: key, site: site, offset: first + UInt64(range.lowerBound),
          threshold: threshold, scale: scale, x + range.lowerBound, into: y + range.lowerBound)
      }
    }
  }
}
