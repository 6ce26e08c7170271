import PEFTTensor

/// How the outputs of a batch move along the directions of groups, contracted with vectors that
/// give the loss's slope and its Gauss–Newton curvature.
///
/// For example i and group k, with Δz_ik = J_i g_k the tangent of the outputs,
///
///     s_ik = ∇ℓ_iᵀ Δz_ik,     h_ik = Δz_ikᵀ ∇²ℓ_i Δz_ik = Σ_f (u_ifᵀ Δz_ik)²
///
/// where Σ_f u_if u_ifᵀ = ∇²ℓ_i (exactly, or in expectation over drawn labels). Every walk f leaves
/// B × K numbers; which vectors they are contracted with is the business of an `OutputCurvature`.
struct OutputTangents {
  /// Examples, B.
  let exampleCount: Int
  /// Groups, K.
  let groupCount: Int
  /// For each walk B × K numbers, row-major.
  var walks: [[Double]]

  subscript(walk: Int, example: Int, group: Int) -> Double {
    walks[walk][example * groupCount + group]
  }
}

/// The loss of a batch as a function of its outputs, at the point where they are: its gradient and
/// its Gauss–Newton curvature, as walks to make and as what to do with what they return.
protocol OutputCurvature {
  /// The number of walks to make.
  var walkCount: Int { get }

  /// Walk `index` from the outputs back to the parameters.
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
