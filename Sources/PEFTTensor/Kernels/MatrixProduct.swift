/// Products of matrices, cut over the workers into disjoint parts of the output.
enum MatrixProduct {
  /// Below this many multiply-adds a product runs on the calling thread: waking a worker costs more.
  private static let serialLimit = 1 << 17
  /// Up to this many rows a product is bound by reading the weight, which BLAS would pack first.
  private static let fewRows = 16

  /// y [T, out] ← scale · x [T, in] · weight [out, in]ᵀ (+ bias [out]) (+ sum [T, out]); the bias is
  /// added while a worker's rows are still in its cache.
  static func forward(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, scale: Float = 1,
    addingTo sum: consuming Tensor? = nil
  ) -> Tensor {
    let (tokens, inputs, outputs) = (x.shape.rows, x.shape.columns, weight.shape.rows)
    precondition(
      weight.shape.columns == inputs && (bias?.count ?? outputs) == outputs
        && (sum.map { $0.shape == [tokens, outputs] } ?? true),
      "linear: input \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [outputs]), "
        + "sum \(sum?.shape ?? [tokens, outputs])")
    if tokens <= fewRows, sum == nil { return fewRows(x, weight: weight, bias: bias, scale: scale) }
    let beta: Float = sum == nil ? 0 : 1
    var result = sum ?? Tensor(uninitialized: [tokens, outputs])
    sum = nil
    result.withUnsafeMutableElements { buffer in
      guard let y = buffer.baseAddress else { return }
      withElements(of: x, weight) { x, weight in
        withElements(ofOptional: bias) { bias in
          split(rows: tokens, columns: outputs, inner: inputs) { rows, columns in
            let target = y + rows.lowerBound * outputs + columns.lowerBound
            BLAS.product(
              .plain, .transposed, rows: rows.count, columns: columns.count, inner: inputs,
              alpha: scale, x + rows.lowerBound * inputs, inputs,
              weight + columns.lowerBound * inputs, inputs, beta: beta, target, outputs)
            if let bias {
              VectorKernels.active.addBias(
                rows: rows.count, columns: columns.count, stride: outputs, to: target,
                bias: bias + columns.lowerBound)
            }
          }
        }
      }
    }
    return result
  }

  /// `forward` for few rows, the outputs cut over the workers.
  private static func fewRows(
    _ x: Tensor, weight: Tensor, bias: Tensor?, scale: Float
  ) -> Tensor {
    let (tokens, inputs, outputs) = (x.shape.rows, x.shape.columns, weight.shape.rows)
    return Tensor(writing: [tokens, outputs]) { y in
      withElements(of: x, weight) { x, weight in
        withElements(ofOptional: bias) { bias in
          let grain = max(8, serialLimit / max(1, tokens * inputs))
          WorkerPool.shared.runRanges(outputs, grain: grain) { range in
            VectorKernels.active.rowProducts(
              rows: tokens, outputs: range.count, inner: inputs, scale: scale, x,
              weight + range.lowerBound * inputs, into: y + range.lowerBound, stride: outputs)
            if let bias {
              VectorKernels.active.addBias(
                rows: tokens, columns: range.count, stride: outputs, to: y + range.lowerBound,
                bias: bias + range.lowerBound)
            }
          }
        }
      }
    }
  }

  /// The gradient of the input, dx [T, in] ← scale · δ [T, out] · weight [out, in] (+ sum).
  static func inputGradient(
    _ upstream: Tensor, weight: Tensor, scale: Float = 1,
    addingTo sum: consuming Tensor? = nil
  ) -> Tensor {
    let (tokens, inputs, outputs) = (upstream.shape.rows, weight.shape.columns, weight.shape.rows)
    precondition(
      upstream.shape.columns == outputs
        && (sum.map { $0.shape == [tokens, inputs] } ?? true),
      "linear pullback: cotangent \(upstream.shape), weight \(weight.shape), "
        + "sum \(sum?.shape ?? [tokens, inputs])")
    let beta: Float = sum == nil ? 0 : 1
    var result = sum ?? Tensor(uninitialized: [tokens, inputs])
    sum = nil
    result.withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: upstream, weight) { upstream, weight in
        split(rows: tokens, columns: inputs, inner: outputs) { rows, columns in
          BLAS.product(
            rows: rows.count, columns: columns.count, inner: outputs, alpha: scale,
            upstream + rows.lowerBound * outputs, outputs, weight + columns.lowerBound, inputs,
            beta: beta, target + rows.lowerBound * inputs + columns.lowerBound, inputs)
        }
      }
    }
    return result
  }

  /// The gradient of the weight, dW [out, in] ← scale · δ [T, out]ᵀ · x [T, in] (+ dW).
  static func weightGradient(
    upstream: Tensor, input: Tensor, scale: Float = 1, into gradient: inout Tensor,
    accumulating: Bool
  ) {
    let (tokens, outputs, inputs) = (
      upstream.shape.rows, upstream.shape.columns, input.shape.columns
    )
    precondition(
      input.shape.rows == tokens && gradient.shape.rows == outputs
        && gradient.shape.columns == inputs,
      "weight gradient: cotangent \(upstream.shape), input \(input.shape), into \(gradient.shape)")
    gradient.withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: upstream, input) { upstream, input in
        split(rows: outputs, columns: inputs, inner: tokens) { rows, columns in
          BLAS.product(
            .transposed, .plain, rows: rows.count, columns: columns.count, inner: tokens,
            alpha: scale, upstream + rows.lowerBound, outputs, input + columns.lowerBound, inputs,
            beta: accumulating ? 1 : 0,
            target + rows.lowerBound * inputs + columns.lowerBound, inputs)
        }
      }
    }
  }

  /// Cuts an output of `rows` × `columns` along its longer side, one part a worker.
  private static func split(
    rows: Int, columns: Int, inner: Int, _ body: (Range<Int>, Range<Int>) -> Void
  ) {
    guard rows * columns * inner > serialLimit else { return body(0..<rows, 0..<columns) }
    if rows >= columns {
      WorkerPool.shared.runRanges(rows, grain: 4) { body($0, 0..<columns) }
    } else {
      WorkerPool.shared.runRanges(columns, grain: 4) { body(0..<rows, $0) }
    }
  }
}
