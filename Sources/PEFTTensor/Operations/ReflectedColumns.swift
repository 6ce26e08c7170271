extension Tape {
  /// y = x Qᵀ with Q = H₁ H₂ ⋯ H_R, a product of reflections H_i = I − 2 û_i û_iᵀ by the columns
  /// u_i of a trainable matrix, û_i = u_i / ‖u_i‖ (HRA, Yuan et al. 2024).
  ///
  /// - Shapes: x and y [T, n], `columns` [n, R].
  /// - Saves: x if the columns want a gradient, unless x can be recomputed. Later operations then
  ///   need not save y.
  /// - Cost: three products of rank R, in fp32; seven in the pullback.
  /// - Accuracy: Q is orthogonal up to rounding. Its gradient goes through the norms.
  public func reflectedColumns(_ x: Variable, by columns: Parameter) -> Variable {
    let reflections = Reflections(columns: columns.value)
    let saved = columns.wantsGradient ? x.saved.keeping(precision) : nil
    return output(
      reflections.applied(to: x.value), x.partition,
      when: x.needsGradient || columns.wantsGradient,
      remaking: saved.map { saved in { reflections.applied(to: saved.value) } },
      ReflectedColumns(
        input: x.node, saved: saved, columns: columns, reflections: reflections,
        partition: x.partition))
  }
}

private struct ReflectedColumns: Operation {
  static let name = "reflectedColumns"
  let input: Node?
  /// x, saved if the columns want a gradient.
  let saved: SavedInput?
  let columns: Parameter
  let reflections: Reflections
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { x in
      walk.deliver(
        ReflectionGradient(upstream: cotangent, input: x, reflections: reflections), of: columns,
        partition: partition)
    }
    guard input != nil else { return }
    // δ Q
    walk.add(
      MatrixProduct.inputGradient(
        MatrixProduct.inputGradient(
          reflections.products(cotangent), weight: reflections.core, scale: -1),
        weight: reflections.vectors, addingTo: cotangent), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map { reflections.applied(to: $0) }
    if let x = saved?.value, let direction = walk.direction(of: columns) {
      let change = reflections.tangent(x, along: direction)
      if sum == nil { sum = change } else { sum?.add(change) }
    }
    return sum
  }
}

/// The gradient of the columns [n, R] of a product of reflections, from δ and x [T, n].
private struct ReflectionGradient: ParameterGradient {
  let upstream: Tensor
  let input: Tensor
  let reflections: Reflections

  func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    let gradient = reflections.pullback(upstream, input: input)
    if adding { sum.add(gradient) } else { sum.copyElements(of: gradient) }
  }

  func restricted(to rows: [Int]) -> any ParameterGradient {
    .dense(reflections.pullback(upstream, input: input).rows(at: rows))
  }

  func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    let parts = split.sumCount(of: direction.shape)
    var result = [Double](repeating: 0, count: partition.exampleCount * parts)
    for part in 0..<parts {
      let change = reflections.tangent(input, along: direction.part(part, by: split))
      let sums = upstream.sumsOfExamples(times: change, partition).dots(
        with: Tensor(repeating: 1, shape: [upstream.shape.columns]))
      for (example, sum) in sums.enumerated() { result[example * parts + part] = sum }
    }
    return result
  }
}

extension Tensor {
  /// Part `number` of a matrix, with zeros elsewhere.
  fileprivate func part(_ number: Int, by split: ElementSplit) -> Tensor {
    let width = shape.columns
    return Tensor(
      elements.enumerated().map { index, element in
        switch split {
        case .whole: element
        case .rows: index / width == number ? element : 0
        case .columns: index % width == number ? element : 0
        }
      }, shape: shape)
  }
}

extension Reflections {
  /// The change of x Qᵀ along a direction of the columns [n, R]:
  ///
  ///     − (x V) Sᵀ Ûᵀ − (x Û) Ṡᵀ Ûᵀ − (x Û) Sᵀ Vᵀ,   Ṡ = − S (the part of VᵀÛ + ÛᵀV above) S
  ///
  /// with the unit vectors and their directions V as columns.
  fileprivate func tangent(_ x: Tensor, along direction: Tensor) -> Tensor {
    let moving = projected(direction.transposed)
    var overlaps = MatrixProduct.forward(moving, weight: vectors)
    overlaps.add(overlaps.transposed)
    // − Ṡ
    let change = Self.sandwiched(Self.above(overlaps), by: core)
    let products = products(x)
    var inner = MatrixProduct.forward(
      MatrixProduct.forward(x, weight: moving), weight: core, scale: -1)
    inner.add(MatrixProduct.forward(products, weight: change))
    return MatrixProduct.inputGradient(
      MatrixProduct.forward(products, weight: core), weight: moving, scale: -1,
      addingTo: MatrixProduct.inputGradient(inner, weight: vectors))
  }

  /// The gradient of the columns, [n, R]: with P = x Û, N the part of Sᵀ (δ Û)ᵀ P Sᵀ above its
  /// diagonal, and the unit vectors as columns, that of the unit vectors is
  ///
  ///     − δᵀ P Sᵀ − xᵀ (δ Û) S + Û (N + Nᵀ).
  fileprivate func pullback(_ upstream: Tensor, input x: Tensor) -> Tensor {
    let (left, right) = (products(upstream), products(x))
    var gradient = Tensor(zeros: vectors.shape)
    gradient.addProduct(
      of: MatrixProduct.forward(right, weight: core).transposed, upstream, scale: -1)
    gradient.addProduct(
      of: MatrixProduct.inputGradient(left, weight: core).transposed, x, scale: -1)
    var overlaps = Tensor(zeros: core.shape)
    overlaps.addProduct(of: left.transposed, right, scale: 1)
    // Sᵀ (left ᵀ right) Sᵀ
    var inner = Self.above(
      MatrixProduct.forward(
        MatrixProduct.inputGradient(core.transposed, weight: overlaps), weight: core))
    inner.add(inner.transposed)
    gradient.addProduct(of: inner, vectors, scale: 1)
    return projected(gradient).transposed
  }

  /// S M S.
  private static func sandwiched(_ matrix: Tensor, by core: Tensor) -> Tensor {
    MatrixProduct.inputGradient(
      MatrixProduct.inputGradient(core, weight: matrix), weight: core)
  }
}
