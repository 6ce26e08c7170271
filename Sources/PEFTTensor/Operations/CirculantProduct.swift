extension Tape {
  /// y = s x Dᵀ, a product with a matrix of circulant blocks, whose kernels are trainable (C3A,
  /// Chen et al. 2024): D_{i b + t, k b + j} = w_{i, k, (j − t) mod b}.
  ///
  /// - Shapes: x [T, n b], `kernels` w [m, n, b], y [T, m b].
  /// - Saves: x if the kernels want a gradient, unless x can be recomputed; D.
  /// - Cost: that of a product with a dense matrix, in fp32. A Fourier transform, as PEFT has it,
  ///   would be faster only for blocks much larger than those of these models.
  /// - Accuracy: that of the product.
  public func circulantProduct(_ x: Variable, kernels: Parameter, scale: Float) -> Variable {
    let matrix = CirculantBlocks.matrix(kernels.value)
    return output(
      MatrixProduct.forward(x.value, weight: matrix, scale: scale), x.partition,
      when: x.needsGradient || kernels.wantsGradient,
      CirculantProduct(
        input: x.node, saved: kernels.wantsGradient ? x.saved.keeping(precision) : nil,
        kernels: kernels, matrix: matrix, scale: scale, partition: x.partition))
  }
}

private struct CirculantProduct: Operation {
  static let name = "circulantProduct"
  let input: Node?
  let saved: SavedInput?
  let kernels: Parameter
  /// D.
  let matrix: Tensor
  let scale: Float
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { input in
      walk.deliver(
        CirculantGradient(
          product: OuterProductGradient(upstream: cotangent, input: input, scale: scale),
          shape: kernels.shape), of: kernels, partition: partition)
    }
    guard input != nil else { return }
    walk.add(MatrixProduct.inputGradient(cotangent, weight: matrix, scale: scale), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map {
      MatrixProduct.forward($0, weight: matrix, scale: scale)
    }
    if let saved = saved?.value, let direction = walk.direction(of: kernels) {
      sum = MatrixProduct.forward(
        saved, weight: CirculantBlocks.matrix(direction), scale: scale, addingTo: sum)
    }
    return sum
  }
}

/// The gradient of kernels [m, n, b]: that of a dense matrix, summed over equal elements.
private struct CirculantGradient: ParameterGradient {
  let product: OuterProductGradient
  let shape: Shape

  private func gradient(_ precision: Precision) -> Tensor {
    var dense = Tensor(zeros: [product.upstream.shape.columns, product.input.shape.columns])
    product.accumulate(into: &dense, adding: false, precision: precision)
    return CirculantBlocks.folded(dense, to: shape)
  }

  func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    let gradient = gradient(precision)
    if adding { sum.add(gradient) } else { sum.copyElements(of: gradient) }
  }

  func restricted(to rows: [Int]) -> any ParameterGradient {
    .dense(gradient(.fp32).rows(at: rows))
  }

  func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    // Kernels have three extents, and every split of such a direction is the whole.
    product.contracted(
      with: CirculantBlocks.matrix(direction), image: nil, partition: partition, by: .whole)
  }
}
