/// A contribution to a parameter's gradient, in the factored form in which the backward pass
/// computes it.
///
/// Notation: T rows of the packed batch; a partition assigns each row to an example. The gradient
/// is a sum over rows. A sink can therefore form it, restrict it to the trainable rows of the
/// parameter, or contract it with a direction example by example without ever forming it. An
/// operation whose gradient has another form than those in this folder adds a conforming type.
public protocol ParameterGradient {
  /// Writes the gradient to `sum`, or adds it to `sum`.
  ///
  /// - Parameter precision: the precision in which factors of matrices are multiplied; sums are in
  ///   fp32.
  func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision)

  /// The gradient of some rows of a matrix parameter [V, n], ascending: [|rows|, n].
  func restricted(to rows: [Int]) -> any ParameterGradient

  /// The inner product of each example's own gradient with a direction, computed without forming
  /// any gradient.
  ///
  /// With G_i the sum over the rows t of example i, the result is e_ij = Σ G_i ∘ V over the
  /// elements of part j.
  ///
  /// - Shapes: `direction` V has the parameter's shape. The result has B × m numbers, row-major,
  ///   with m as `split` defines it.
  /// - Parameter image: `image(of: direction)` if it is available, so that passes from several
  ///   outputs share that product. With nil, the cheapest way is chosen.
  /// - Accuracy: sums over an example's rows in Float32, sums over elements in Double.
  func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double]

  /// The part of a contraction with `direction` that does not depend on the upstream cotangent; nil
  /// if there is nothing to share.
  func image(of direction: Tensor) -> Tensor?

  /// The contribution as rows of a table [V, n]: values [T, n] and the table row of each. Nil for a
  /// gradient that may be non-zero in any row.
  var scattered: (values: Tensor, rows: [Int32])? { get }
}

extension ParameterGradient {
  /// Returns nil: there is nothing to share.
  public func image(of direction: Tensor) -> Tensor? { nil }

  /// Nil: the gradient may be non-zero in any row.
  public var scattered: (values: Tensor, rows: [Int32])? { nil }

  /// The contraction with the whole direction, or with each of its parts, without a precomputed
  /// image.
  public func contracted(
    with direction: Tensor, partition: RowPartition, by split: ElementSplit = .whole
  ) -> [Double] {
    contracted(with: direction, image: nil, partition: partition, by: split)
  }
}

extension Tensor {
  /// Σ_{t∈i} a_t ∘ b_t, or Σ_{t∈i} a_t: one row for each example, [B, n] from a and b [T, n].
  func sumsOfExamples(times other: Tensor?, _ partition: RowPartition) -> Tensor {
    let width = shape.columns
    precondition(
      shape.rows == partition.rowCount && (other?.shape ?? shape) == shape,
      "sums of examples: \(shape) times \(other?.shape ?? shape), \(partition.rowCount) rows")
    return Tensor(writing: [partition.exampleCount, width]) { target in
      withElements(of: self) { mine in
        withElements(ofOptional: other) { theirs in
          WorkerPool.shared.run(partition.exampleCount) { example in
            let rows = partition[example]
            let start = mine + rows.lowerBound * width
            if let theirs {
              VectorKernels.active.columnSumsOfProducts(
                rows: rows.count, columns: width, stride: width, of: start,
                times: theirs + rows.lowerBound * width, into: target + example * width,
                accumulating: false)
            } else {
              VectorKernels.active.columnSums(
                rows: rows.count, columns: width, stride: width, of: start,
                into: target + example * width, accumulating: false)
            }
          }
        }
      }
    }
  }

  /// The inner product of every row with `vector`, in Double.
  func dots(with vector: Tensor) -> [Double] {
    let width = shape.columns
    return withElements(of: self, vector) { rows, vector in
      (0..<shape.rows).map { VectorKernels.active.dot(count: width, rows + $0 * width, vector) }
    }
  }
}
