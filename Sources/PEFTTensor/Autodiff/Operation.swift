/// A differentiable operation, linearised at the point where it was applied.
///
/// It holds what it saved of its inputs and implements its linearisation there in both directions.
/// With J the Jacobian at the saved point, the pullback maps the output's cotangent ȳ to Jᵀȳ, and
/// the tangent maps the inputs' tangents ẋ to Jẋ. In both, parameters count as inputs.
protocol Operation {
  /// The operation's name, used in messages.
  static var name: String { get }

  /// Adds the cotangent of each input that needs one, and delivers the gradient of each trainable
  /// parameter in factored form. `cotangent` has the shape of the output and may be overwritten if
  /// it is uniquely referenced.
  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk)

  /// Returns the tangent of the output. A nil result means zero, as does a nil answer from `walk`.
  func tangent(on walk: ForwardWalk) -> Tensor?
}
