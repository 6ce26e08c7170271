import PEFTTensor

/// A rule by which the elements of a weight W are chosen: a salience, of which the largest count.
///
/// G = Σ_b g_b is the sum of the gradients of some batches.
public enum Salience: String, CaseIterable, Sendable {
  /// |G|, as in SPEFT (Liu et al. 2024) and, with one batch, in SIFT (Song et al. 2024).
  case gradient
  /// Uniformly at random, as in SpaRTA (Rios et al. 2025).
  case random
  /// −|W|: the smallest weights, as in PaFi (Liao et al. 2023). It needs no data.
  case smallest
  /// |W|: the largest weights, which SPEFT calls magnitude.
  case largest
  /// |W ∘ G|, as in SNIP (Lee et al. 2019). Its square is the first order of the change of the loss
  /// if the element were zero, which chooses the same.
  case snip
  /// −W ∘ G, with its sign, as in FORCE (de Jorge et al. 2021).
  case force
  /// Σ_n g_n² over examples, each a batch of its own: the empirical Fisher information, as in FISH
  /// (Sung et al. 2021).
  case fisher
  /// Σ_b g_b² over batches, as in SPT (He et al. 2023).
  case spt
  /// |W ∘ ∂R/∂|W||, as in SynFlow (Tanaka et al. 2020): R is the sum of the outputs of the network
  /// without nonlinearities, with absolute values for all parameters, on an input of ones. It needs
  /// no data.
  case synflow
  /// W ∘ H G, with its sign, as in GRaSP (Wang et al. 2020): elements without which the gradient
  /// would be shorter. H is the Hessian over the target weights. The losses are cross entropies of
  /// logits divided by 200, as there and in SPEFT.
  case grasp

  /// Whether the salience needs gradients of batches.
  var needsGradients: Bool {
    switch self {
    case .random, .smallest, .largest, .synflow: false
    case .gradient, .snip, .force, .fisher, .spt, .grasp: true
    }
  }

  /// What it needs of the gradients.
  var statistic: GradientStatistic {
    switch self {
    case .fisher: .sumOfExampleSquares
    case .spt: .sumOfSquares
    case .grasp: .changeAlongSum(temperature: 200)
    case .gradient, .random, .smallest, .largest, .snip, .force, .synflow: .sum
    }
  }

  /// The salience of every element of `weight`, in its shape; −∞ for an element whose gradient is
  /// zero. Nil if no gradient has reached the weight, and for `random`.
  ///
  /// - Parameter gradients: what `statistic` says of the weight's gradients; for `synflow`, those
  ///   of `TransformerModel.synapticFlow()`.
  package func scores(of weight: Parameter, by gradients: GradientAccumulator) -> Tensor? {
    switch self {
    case .random: nil
    case .smallest: weight.value.map { -abs($0) }
    case .largest: weight.value.map { abs($0) }
    case .gradient: gradients[weight]?.map { $0 == 0 ? -.infinity : abs($0) }
    case .fisher, .spt: gradients[weight]?.map { $0 == 0 ? -.infinity : $0 }
    case .snip, .synflow:
      gradients[weight]?.map(with: weight.value) { $0 == 0 ? -.infinity : abs($0 * $1) }
    case .grasp: gradients[weight]?.map(with: weight.value) { $0 == 0 ? -.infinity : $0 * $1 }
    case .force: gradients[weight]?.map(with: weight.value) { $0 == 0 ? -.infinity : -($0 * $1) }
    }
  }
}

extension Tensor {
  /// `function` of every element.
  fileprivate func map(_ function: (Float) -> Float) -> Tensor {
    map(with: self) { element, _ in function(element) }
  }

  /// `function` of every element and that of another tensor of the same shape.
  fileprivate func map(with other: Tensor, _ function: (Float, Float) -> Float) -> Tensor {
    var result = self
    result.withUnsafeMutableElements { mine in
      other.withUnsafeElements { theirs in
        for index in mine.indices { mine[index] = function(mine[index], theirs[index]) }
      }
    }
    return result
  }
}
