extension Tape {
  /// y = s (c ∘ x Gᵀ) Aᵀ, a slice of a tensor of low rank that layers share (LoRTA, Hounie et al.
  /// 2024). G [R, n] has the blocks diag(C_h) B, one for each of H heads, and c = M_m ∘ L_l; C_h,
  /// M_m and L_l are rows of `heads`, `kinds` and `layers`.
  ///
  /// - Shapes: x [T, n], `down` B [R, at least n / H], `heads` [H, R], `kinds` [M, R], `layers`
  ///   [L, R], `up` A [at least `outputs`, R], y [T, `outputs`]. The first columns of B and the
  ///   first rows of A are used.
  /// - Saves: x if B or `heads` wants a gradient, unless x can be recomputed; x Gᵀ [T, R].
  /// - Cost: thin products of rank R, in fp32.
  public func tensorProduct(
    _ x: Variable, _ factors: TensorFactors, kind: Int, layer: Int, outputs: Int, scale: Float
  ) -> Variable {
    let slice = TensorSlice(
      factors, kind: kind, layer: layer, inputs: x.value.shape.columns, outputs: outputs)
    let inner = MatrixProduct.forward(x.value, weight: slice.down)
    let wantsInput = factors.down.wantsGradient || factors.heads.wantsGradient
    return output(
      MatrixProduct.forward(
        RowKernels.scaledColumns(inner, by: slice.middle), weight: slice.up, scale: scale),
      x.partition, when: x.needsGradient || factors.all.contains(where: \.wantsGradient),
      TensorProduct(
        input: x.node, saved: wantsInput ? x.saved.keeping(precision) : nil, inner: inner,
        factors: factors, slice: slice, scale: scale, partition: x.partition))
  }
}

/// The factors of a tensor of rank R that layers share.
public struct TensorFactors {
  /// B [R, n / H].
  public let down: Parameter
  /// C [H, R], one row for each head.
  public let heads: Parameter
  /// M [M, R], one row for each kind of matrix.
  public let kinds: Parameter
  /// L [L, R], one row for each layer.
  public let layers: Parameter
  /// A [out, R].
  public let up: Parameter

  /// Creates the factors, which must have one rank.
  public init(
    down: Parameter, heads: Parameter, kinds: Parameter, layers: Parameter, up: Parameter
  ) {
    (self.down, self.heads, self.kinds, self.layers, self.up) = (down, heads, kinds, layers, up)
    precondition(
      all.dropFirst().allSatisfy { $0.shape.columns == down.shape.rows },
      "TensorFactors: \(all.map(\.shape))")
  }

  /// B, C, M, L, then A.
  public var all: [Parameter] { [down, heads, kinds, layers, up] }
}

/// What one matrix uses of the factors.
package struct TensorSlice {
  /// G [R, n].
  package let down: Tensor
  /// c [R].
  package let middle: Tensor
  /// A [out, R].
  package let up: Tensor
  fileprivate let (kind, layer): (Int, Int)
  fileprivate let (kindRow, layerRow): (Tensor, Tensor)
  /// The first columns of B.
  fileprivate let block: Tensor

  package init(_ factors: TensorFactors, kind: Int, layer: Int, inputs: Int, outputs: Int) {
    let heads = factors.heads.value
    precondition(
      inputs.isMultiple(of: heads.shape.rows), "tensorProduct: \(inputs) over \(heads.shape) heads")
    (self.kind, self.layer) = (kind, layer)
    kindRow = factors.kinds.value.rows(kind..<kind + 1)
    layerRow = factors.layers.value.rows(layer..<layer + 1)
    block = factors.down.value.firstColumns(inputs / heads.shape.rows)
    down = Self.spread(block, over: heads)
    middle = Self.product(kindRow, layerRow)
    up = factors.up.value.rows(0..<outputs)
  }

  /// [R, n] with a block diag(C_h) B for each head.
  fileprivate static func spread(_ block: Tensor, over heads: Tensor) -> Tensor {
    let (rank, width, count) = (block.shape.rows, block.shape.columns, heads.shape.rows)
    return Tensor(shape: [rank, count * width]) { target in
      block.withUnsafeElements { block in
        heads.withUnsafeElements { heads in
          for row in 0..<rank {
            for head in 0..<count {
              let factor = heads[head * rank + row]
              for column in 0..<width {
                target[(row * count + head) * width + column] = factor * block[row * width + column]
              }
            }
          }
        }
      }
    }
  }

  /// The gradients of B's columns and of C, from that of G [R, n].
  fileprivate func gathered(
    _ gradient: Tensor, heads: Tensor
  ) -> (block: Tensor, heads: Tensor) {
    let (rank, width, count) = (block.shape.rows, block.shape.columns, heads.shape.rows)
    var (ofBlock, ofHeads) = (Tensor(zeros: block.shape), Tensor(zeros: heads.shape))
    let (block, heads, gradient) = (block.elements, heads.elements, gradient.elements)
    ofBlock.withUnsafeMutableElements { ofBlock in
      ofHeads.withUnsafeMutableElements { ofHeads in
        for row in 0..<rank {
          for head in 0..<count {
            var sum = 0.0
            for column in 0..<width {
              let slope = gradient[(row * count + head) * width + column]
              ofBlock[row * width + column] += heads[head * rank + row] * slope
              sum += Double(block[row * width + column] * slope)
            }
            ofHeads[head * rank + row] = Float(sum)
          }
        }
      }
    }
    return (ofBlock, ofHeads)
  }

  /// x ∘ y, [R].
  fileprivate static func product(_ x: Tensor, _ y: Tensor) -> Tensor {
    Tensor(zip(x.elements, y.elements).map { $0 * $1 }, shape: [x.count])
  }
}

private struct TensorProduct: Operation {
  static let name = "tensorProduct"
  let input: Node?
  let saved: SavedInput?
  /// x Gᵀ [T, R].
  let inner: Tensor
  let factors: TensorFactors
  let slice: TensorSlice
  let scale: Float
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    if factors.up.wantsGradient {
      var gradient = Tensor(zeros: slice.up.shape)
      MatrixProduct.weightGradient(
        upstream: cotangent, input: RowKernels.scaledColumns(inner, by: slice.middle), scale: scale,
        into: &gradient, accumulating: false)
      deliver(gradient, to: factors.up, on: walk)
    }
    let outer = MatrixProduct.inputGradient(cotangent, weight: slice.up, scale: scale)
    if factors.kinds.wantsGradient || factors.layers.wantsGradient {
      var gradient = Tensor(zeros: [inner.shape.columns])
      gradient.accumulateColumnSums(of: outer, times: inner, accumulating: false)
      deliver(
        TensorSlice.product(gradient, slice.layerRow), to: factors.kinds, row: slice.kind, on: walk)
      deliver(
        TensorSlice.product(gradient, slice.kindRow), to: factors.layers, row: slice.layer, on: walk
      )
    }
    let upstream = RowKernels.scaledColumns(outer, by: slice.middle)
    saved?.take { x in
      var gradient = Tensor(zeros: slice.down.shape)
      MatrixProduct.weightGradient(
        upstream: upstream, input: x, into: &gradient, accumulating: false)
      let (block, heads) = slice.gathered(gradient, heads: factors.heads.value)
      walk.deliver(.dense(heads), of: factors.heads, partition: partition)
      walk.deliver(
        .dense(block.paddedColumns(to: factors.down.shape.columns)), of: factors.down,
        partition: partition)
    }
    walk.add(MatrixProduct.inputGradient(upstream, weight: slice.down), to: input)
  }

  /// Delivers the gradient of some rows of a parameter, by default the first ones.
  private func deliver(
    _ gradient: Tensor, to parameter: Parameter, row: Int = 0, on walk: ReverseWalk
  ) {
    guard parameter.wantsGradient else { return }
    var whole = Tensor(zeros: parameter.shape)
    let rows = gradient.count / parameter.shape.columns
    whole.replaceRows(
      at: Array(row..<row + rows), with: gradient.reshaped(to: [rows, parameter.shape.columns]))
    walk.deliver(.dense(whole), of: parameter, partition: partition)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    // Changes of x Gᵀ.
    var change = walk.tangent(of: input).map { MatrixProduct.forward($0, weight: slice.down) }
    if let x = saved?.value {
      let heads = factors.heads.value
      if let direction = walk.direction(of: factors.down) {
        let block = direction.firstColumns(slice.block.shape.columns)
        change = MatrixProduct.forward(
          x, weight: TensorSlice.spread(block, over: heads), addingTo: change)
      }
      if let direction = walk.direction(of: factors.heads) {
        change = MatrixProduct.forward(
          x, weight: TensorSlice.spread(slice.block, over: direction), addingTo: change)
      }
    }
    // Changes of c ∘ x Gᵀ.
    var middle = change.map { RowKernels.scaledColumns($0, by: slice.middle) }
    func add(_ direction: Tensor?, row: Int, times other: Tensor) {
      guard let direction else { return }
      let factor = TensorSlice.product(direction.rows(row..<row + 1), other)
      let addition = RowKernels.scaledColumns(inner, by: factor)
      if middle == nil { middle = addition } else { middle?.add(addition) }
    }
    add(walk.direction(of: factors.kinds), row: slice.kind, times: slice.layerRow)
    add(walk.direction(of: factors.layers), row: slice.layer, times: slice.kindRow)
    var sum = middle.map { MatrixProduct.forward($0, weight: slice.up, scale: scale) }
    if let direction = walk.direction(of: factors.up) {
      sum = MatrixProduct.forward(
        RowKernels.scaledColumns(inner, by: slice.middle),
        weight: direction.rows(0..<slice.up.shape.rows), scale: scale, addingTo: sum)
    }
    return sum
  }
}

extension Tensor {
  /// The columns, followed by columns of zeros up to `count`.
  fileprivate func paddedColumns(to count: Int) -> Tensor {
    let (rows, columns) = (shape.rows, shape.columns)
    guard columns < count else { return self }
    return Tensor(shape: [rows, count]) { target in
      withUnsafeElements { source in
        for row in 0..<rows {
          for column in 0..<columns {
            target[row * count + column] = source[row * columns + column]
          }
        }
      }
    }
  }
}
