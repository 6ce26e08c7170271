import PEFTNetwork
import PEFTTensor

extension LowRankAdaptation {
  /// The number of batches whose gradients are summed for `Start.gradient`.
  private static let startBatches = 16

  /// 16 for a start that follows from gradients, else 0.
  public var gradientBatches: Int { start == .gradient ? Self.startBatches : 0 }

  /// Chooses the factors of every target that start at singular vectors. A weight that no gradient
  /// has reached keeps its uniform A.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    for layer in layers(of: model) where start != .uniform {
      let draws = generator.split(layer.name + ".start")
      layer.weight.wantsWholeGradient = false
      if let adapter = layer.adapter as? LowRankChangeAdapter {
        let factors = layer.weight.plainValue.leadingFactors(
          rank, scale: adapter.lowRank.scale, using: draws)
        if let (down, up) = factors { adapter.start(down: down, up: up) }
      } else if let adapter = layer.adapter as? LowRankAdapter,
        let gradient = gradients[layer.weight],
        let vectors = gradient.leadingSingularVectors(rank, using: draws)
      {
        var down = Tensor(zeros: vectors.right.shape)
        // The mean square of a uniform number in ±1/√in is 1 / (3 in).
        down.add(vectors.right, scaledBy: 1 / Float(3).squareRoot())
        adapter.down.value = down
      }
    }
  }
}

extension Tensor {
  /// A [R, in] and B [out, R] for which s B A is the best approximation of rank R of self [out,
  /// in], and which share its singular values equally; nil if an element is not finite.
  fileprivate func leadingFactors(
    _ rank: Int, scale: Double, using generator: SeededGenerator
  ) -> (down: Tensor, up: Tensor)? {
    guard var up = leadingSingularVectors(rank, using: generator)?.left else { return nil }
    // Uᵀ W = diag(σ) Vᵀ
    var down = Tensor(zeros: [rank, shape.columns])
    down.addProduct(of: up, self, scale: 1)
    let roots = down.rowNorms.elements.map { ($0 / Float(scale)).squareRoot() }
    up.scaleRows(by: Tensor(roots, shape: [rank]))
    down.scaleRows(
      by: Tensor(roots.map { $0 > 0 ? 1 / ($0 * Float(scale)) : 0 }, shape: [rank]))
    return (down, up.transposed)
  }
}
