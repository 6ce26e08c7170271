/// A differentiable operation at the point where it was applied: it holds what it saved of its
/// inputs, and knows its linearisation there in both directions.
///
/// With J the Jacobian at the saved point, the pullback maps the output's cotangent ȳ to Jᵀȳ and
/// the tangent maps the inputs' tangents ẋ to Jẋ; parameters count as inputs in both.
protocol Operation {
  /// The operation's name, for messages.
  static var name: String { get }

  /// Hands each input that needs one its cotangent, and each trainable parameter the factors
  /// of its gradient. `cotangent` has the shape of the output; where nobody else has it, it
  /// may be changed in place.
  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk)

  /// The tangent of the output; nil stands for zero, in the result and in what the walk answers.
  func tangent(on walk: ForwardWalk) -> Tensor?
}
