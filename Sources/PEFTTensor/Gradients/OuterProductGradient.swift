/// The gradient of a linear weight [out, in]: scale · Σ_t δ_tᵀ x_t with δ [T, out] and x [T, in].
public struct OuterProductGradient: ParameterGradient {
  /// δ.
  public let upstream: Tensor
  /// x.
  public let input: Tensor
  /// The factor.
  public let scale: Float

  /// Computes the gradient as one product of the factors.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    MatrixProduct.weightGradient(
      upstream: upstream, input: input, scale: scale, into: &sum, accumulating: adding,
      precision: precision)
  }

  /// The gradient of the given rows, from a copy of the columns of δ that they need.
  public func restricted(to rows: [Int]) -> any ParameterGradient {
    .outerProduct(upstream: upstream.columns(at: rows), input: input, scale: scale)
  }

  /// Σ_{t∈i} δ_t · (V x_t): one product of the size of the forward one and a row-wise inner
  /// product.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
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
  }

  /// The contraction with single elements of a direction: e_in = V_p Σ_{t∈i} scale · δ_tr x_tc for
  /// each example i and the n-th of the row-major positions p = (r, c).
  ///
  /// - Shapes: B × |positions| numbers, row-major.
  /// - Accuracy: sums over an example's rows in Float32.
  package func contracted(
    with direction: Tensor, partition: RowPartition, at positions: [Int]
  ) -> [Double] {
    let (outputs, inputs) = (upstream.shape.columns, input.shape.columns)
    let places = positions.map { (row: Int32($0 / inputs), column: Int32($0 % inputs)) }
    let factors = withElements(of: direction) { elements in
      positions.map { Double(scale) * Double(elements[$0]) }
    }
    let sums = Tensor(writing: [partition.exampleCount, max(1, positions.count)]) { target in
      withElements(of: upstream, input) { upstream, input in
        WorkerPool.shared.run(partition.exampleCount) { example in
          let sums = target + example * max(1, positions.count)
          sums.update(repeating: 0, count: max(1, positions.count))
          for token in partition[example] {
            let (left, right) = (upstream + token * outputs, input + token * inputs)
            for (index, place) in places.enumerated() {
              sums[index] += left[Int(place.row)] * right[Int(place.column)]
            }
          }
        }
      }
    }
    guard !positions.isEmpty else { return [] }
    return sums.elements.enumerated().map { Double($1) * factors[$0 % positions.count] }
  }

  /// x Vᵀ [T, out]. Returns nil if the weight has so many more outputs than inputs, as a vocabulary
  /// projection has, that keeping the image would cost more than it saves.
  public func image(of direction: Tensor) -> Tensor? {
    guard direction.shape.rows <= Self.imageLimit * direction.shape.columns else { return nil }
    return MatrixProduct.forward(input, weight: direction, scale: scale)
  }

  /// The largest ratio of outputs to inputs for which the image is kept.
  private static let imageLimit = 8
}

extension ParameterGradient where Self == OuterProductGradient {
  /// scale · Σ_t δ_tᵀ x_t.
  public static func outerProduct(upstream: Tensor, input: Tensor, scale: Float) -> Self {
    OuterProductGradient(upstream: upstream, input: input, scale: scale)
  }
}
