import PEFTTensor

/// The changes of a batch's outputs along the directions of groups, contracted with vectors that
/// yield the slope of the loss and its Gauss–Newton curvature.
///
/// For example i and group k, with Δz_ik = J_i g_k the tangent of the outputs,
///
///     s_ik = ∇ℓ_iᵀ Δz_ik,     h_ik = Δz_ikᵀ ∇²ℓ_i Δz_ik = Σ_f (u_ifᵀ Δz_ik)²
///
/// where Σ_f u_if u_ifᵀ = ∇²ℓ_i (exactly, or in expectation over sampled labels). Every pass f
/// yields B × K numbers; an `OutputCurvature` decides with which vectors the tangents are
/// contracted.
struct OutputTangents {
  /// The number of examples, B.
  let exampleCount: Int
  /// The number of groups, K.
  let groupCount: Int
  /// B × K numbers for each pass, row-major.
  var walks: [[Double]]

  subscript(walk: Int, example: Int, group: Int) -> Double {
    walks[walk][example * groupCount + group]
  }
}

/// The gradient and the Gauss–Newton curvature of a batch's loss with respect to its outputs,
/// expressed as backward passes and as functions of their results.
protocol OutputCurvature {
  /// The number of passes to make.
  var walkCount: Int { get }

  /// Runs pass `index` from the outputs back to the parameters.
  func pullBack(
    _ index: Int, from outputs: Variable, on tape: Tape, to sink: some GradientSink,
    consuming: Bool)

  /// s_ik.
  func slope(_ tangents: OutputTangents, example: Int, group: Int) -> Double

  /// The number of factors f in h_ik = Σ_f (factor)².
  var factorCount: Int { get }

  /// Factor f of h_ik.
  func factor(_ index: Int, _ tangents: OutputTangents, example: Int, group: Int) -> Double

  /// h_ik.
  func curvature(_ tangents: OutputTangents, example: Int, group: Int) -> Double
}

extension OutputCurvature {
  /// The sum of the squares of the factors.
  func curvature(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    sumOfSquares(tangents, example: example, group: group)
  }

  /// Σ_f (factor)².
  func sumOfSquares(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    (0..<factorCount).reduce(0) { sum, index in
      let value = factor(index, tangents, example: example, group: group)
      return sum + value * value
    }
  }
}
