/// A contribution to a parameter's gradient, as the factors in which the reverse pass finds it.
///
/// Letters: T rows of the packed batch; a partition says which example each belongs to. The
/// gradient is the sum over rows, so a sink can form it, restrict it to rows of the parameter that
/// train, or contract it with a direction example by example without ever forming it. An operation
/// whose gradient has another form than those here brings its own conformer.
public protocol ParameterGradient {
  /// Forms the gradient in `sum`, in place of what is there, or added to it.
  ///
  /// - Parameter precision: in which factors of matrices are multiplied; sums are in fp32.
  func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision)

  /// The same for some rows of a matrix parameter [V, n], ascending: the gradient [|rows|, n].
  func restricted(to rows: [Int]) -> any ParameterGradient

  /// The inner products of each example's own gradient with a direction, without forming any
  /// gradient.
  ///
  /// With G_i the sum over the rows t of example i, the result is e_ij = Σ G_i ∘ V over the
  /// elements of part j.
  ///
  /// - Shapes: `direction` V in the parameter's shape; the result B × m numbers, row-major, with
  ///   m as `split` says.
  /// - Parameter image: `image(of: direction)` where it is at hand, so that passes from several
  ///   outputs share the product; nil computes what is cheapest.
  /// - Accuracy: sums over an example's rows in Float32, sums over elements in Double.
  func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double]

  /// What a contraction with `direction` needs and what does not depend on the upstream; nil where
  /// there is nothing to share.
  func image(of direction: Tensor) -> Tensor?

  /// The rows of a table [V, n] that the gradient is in, one for each row of its values [T, n]; nil
  /// for a gradient that may be anywhere.
  var scattered: (values: Tensor, rows: [Int32])? { get }
}

extension ParameterGradient {
  /// Nothing to share.
  public func image(of direction: Tensor) -> Tensor? { nil }

  /// It may be anywhere.
  public var scattered: (values: Tensor, rows: [Int32])? { nil }

  /// The contraction with the whole direction, or with its parts.
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
