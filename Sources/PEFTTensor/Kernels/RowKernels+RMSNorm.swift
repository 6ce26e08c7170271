extension RowKernels {
  /// γ ∘ x̂ for s = x + residual; see `Tape.rmsNorm`. With `saving`, also returns what the
  /// derivatives need.
  static func rmsNorm(
    _ x: Tensor, residual: Tensor?, scale: Tensor, epsilon: Float, saving: Bool
  ) -> (output: Tensor, saved: Normalization?) {
    let (shape, columns) = (x.shape, x.shape.columns)
    precondition(
      scale.count == columns && (residual?.shape ?? shape) == shape,
      "rmsNorm: input \(shape), residual \(residual?.shape ?? shape), scale \(scale.shape)")
    var normalized = Tensor(uninitialized: [0])
    var deviation = normalized
    let output = Tensor(writing: shape) { y in
      let savedShape = saving ? shape : [0]
      (normalized, deviation) = newTensors(savedShape, [shape.rows]) { saved, deviation in
        // The kernel writes a row of x̂ before it writes the same row of y.
        let normalized = saving ? saved : y
        withElements(of: x, scale) { x, scale in
          withElements(ofOptional: residual) { residual in
            forRows(of: shape) { rows in
              let start = rows.lowerBound * columns
              VectorKernels.active.rmsNorm(
                rows: rows.count, columns: columns, x + start,
                residual: residual.map { $0 + start }, scale: scale, epsilon: epsilon,
                into: y + start, normalized: normalized + start,
                inverseDeviation: deviation + rows.lowerBound)
            }
          }
        }
      }
    }
    let saved = Normalization(normalized: normalized, inverseDeviation: deviation)
    return (output, saving ? saved : nil)
  }

  /// The cotangent of s, from the cotangent of the output.
  static func rmsNormPullback(
    _ cotangent: Tensor, saved: Normalization, scale: Tensor
  ) -> Tensor {
    let (shape, columns) = (cotangent.shape, cotangent.shape.columns)
    return Tensor(writing: shape) { result in
      withElements(of: cotangent, saved.normalized) { cotangent, normalized in
        withElements(of: saved.inverseDeviation, scale) { deviation, scale in
          forRows(of: shape) { rows in
            let start = rows.lowerBound * columns
            VectorKernels.active.rmsNormPullback(
              rows: rows.count, columns: columns, cotangent + start,
              normalized: normalized + start, inverseDeviation: deviation + rows.lowerBound,
              scale: scale, into: result + start)
          }
        }
      }
    }
  }

  /// The tangent of the output, from the tangents of s and γ; nil means zero.
  static func rmsNormTangent(
    _ tangent: Tensor?, saved: Normalization, scale: Tensor, scaleDirection: Tensor?
  ) -> Tensor {
    let (shape, columns) = (saved.normalized.shape, saved.normalized.shape.columns)
    return Tensor(writing: shape) { result in
      withElements(of: saved.normalized, saved.inverseDeviation, scale) {
        normalized, deviation, scale in
        withElements(ofOptional: tangent) { tangent in
          withElements(ofOptional: scaleDirection) { scaleDirection in
            forRows(of: shape) { rows in
              let start = rows.lowerBound * columns
              VectorKernels.active.rmsNormTangent(
                rows: rows.count, columns: columns, tangent.map { $0 + start },
                normalized: normalized + start, inverseDeviation: deviation + rows.lowerBound,
                scale: scale, scaleDirection: scaleDirection, into: result + start)
            }
          }
        }
      }
    }
  }
}
