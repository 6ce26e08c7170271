/// How the elements of a parameter are put together in sums over it.
public enum ElementSplit: Hashable, Sendable {
  /// All elements in one sum.
  case whole
  /// One sum for each row of a matrix.
  case rows
  /// One sum for each column of a matrix.
  case columns

  /// The number of sums over a parameter of this shape, m. A vector has one.
  public func sumCount(of shape: Shape) -> Int {
    guard shape.rank == 2 else { return 1 }
    return switch self {
    case .whole: 1
    case .rows: shape.rows
    case .columns: shape.columns
    }
  }
}

extension GradientFactors {
  /// The inner products of each example's own gradient with a direction, without
  /// forming any gradient.
  ///
  /// With G_i the sum over the rows t of example i, the result is e_ij = Σ G_i ∘ V over the
  /// elements of part j. For a linear weight with upstream δ and input x, Σ_{t∈i} δ_t · (V x_t)
  /// needs one product of the size of the forward one and a row-wise inner product.
  ///
  /// - Shapes: `direction` V in the parameter's shape; the result B × m numbers, row-major, with
  ///   m as `split` says.
  /// - Parameter image: `image(of: direction)` where it is at hand, so that walks from several
  ///   outputs share the product; nil computes what is cheapest.
  /// - Accuracy: sums over an example's rows in Float32, sums over elements in Double.
  public func contracted(
    with direction: Tensor, image: Tensor? = nil, partition: RowPartition,
    by split: ElementSplit = .whole
  ) -> [Double] {
    switch self {
    case .outerProduct(let upstream, let input, let scale):
      let usesRows =
        switch split {
        case .rows: true
        case .columns: false
        case .whole: image != nil || direction.shape.rows <= direction.shape.columns
        }
      let sums =
        usesRows
        ? upstream.sumsOfExamples(
          times: image ?? MatrixProduct.forward(input, weight: direction, scale: scale), partition)
        : MatrixProduct.inputGradient(upstream, weight: direction, scale: scale).sumsOfExamples(
          times: input, partition)
      return split == .whole ? sums.sums(by: .rows) : sums.elements.map(Double.init)
    case .rowSum(let upstream):
      return upstream.sumsOfExamples(times: nil, partition).dots(with: direction)
    case .productSum(let upstream, let normalized):
      return upstream.sumsOfExamples(times: normalized, partition).dots(with: direction)
    case .scatter(let upstream, let rows):
      return Self.scatterContraction(upstream, rows, direction, partition, split)
    case .dense:
      preconditionFailure(
        "contracted: a dense gradient cannot be told apart by example; its operation must hand over "
          + "factors")
    }
  }

  /// What a contraction with `direction` needs and what does not depend on the upstream: x Vᵀ [T,
  /// out] for a linear weight; nil for the others, and for a weight with so many more outputs than
  /// inputs, such as a vocabulary's, that keeping the image would cost more than it saves.
  public func image(of direction: Tensor) -> Tensor? {
    guard case .outerProduct(_, let input, let scale) = self,
      direction.shape.rows <= Self.imageLimit * direction.shape.columns
    else { return nil }
    return MatrixProduct.forward(input, weight: direction, scale: scale)
  }

  /// The most outputs an input may have for the image to be kept.
  private static let imageLimit = 8

  /// Σ_{t∈i} δ_t · V[row_t], by example, or by example and row or column of the table.
  private static func scatterContraction(
    _ upstream: Tensor, _ rows: [Int32], _ direction: Tensor, _ partition: RowPartition,
    _ split: ElementSplit
  ) -> [Double] {
    let width = direction.shape.columns
    let count = split.sumCount(of: direction.shape)
    var result = [Double](repeating: 0, count: partition.exampleCount * count)
    result.withUnsafeMutableBufferPointer { buffer in
      guard let sums = buffer.baseAddress else { return }
      withElements(of: upstream, direction) { upstream, direction in
        WorkerPool.shared.run(partition.exampleCount) { example in
          for token in partition[example] {
            let row = Int(rows[token])
            let (cotangent, vector) = (upstream + token * width, direction + row * width)
            if split == .columns {
              for column in 0..<width {
                sums[example * count + column] += Double(cotangent[column] * vector[column])
              }
            } else {
              sums[example * count + (split == .rows ? row : 0)] +=
                VectorKernels.active.dot(count: width, cotangent, vector)
            }
          }
        }
      }
    }
    return result
  }
}

extension Tensor {
  /// Σ_{t∈i} a_t ∘ b_t, or Σ_{t∈i} a_t: one row for each example, [B, n] from a and b [T, n].
  fileprivate func sumsOfExamples(times other: Tensor?, _ partition: RowPartition) -> Tensor {
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
  fileprivate func dots(with vector: Tensor) -> [Double] {
    let width = shape.columns
    return withElements(of: self, vector) { rows, vector in
      (0..<shape.rows).map { VectorKernels.active.dot(count: width, rows + $0 * width, vector) }
    }
  }
}
