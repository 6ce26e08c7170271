import PEFTTensor

/// A linear map, with or without a bias, and at most one low-rank addition.
public final class LinearLayer {
  /// The low-rank addition s · B A to a weight.
  public struct LowRank {
    /// A [R, in].
    public let down: Parameter
    /// B [out, R].
    public let up: Parameter
    /// s = α / R.
    public let scale: Double
    /// The probability of dropping an element of the addition's input.
    public let dropout: Double
  }

  /// The module's path, such as `bert.encoder.layer.0.attention.self.query`.
  public let name: String
  /// The weight [out, in].
  public let weight: Parameter
  /// The bias [out]; nil where there is none.
  public let bias: Parameter?
  /// The addition that is attached now.
  public var lowRank: LowRank?

  /// A layer of zeros.
  ///
  /// - Parameter isConvolution: files hold the weight as [in, out], as GPT-2's do.
  public init(
    name: String, inputs: Int, outputs: Int, hasBias: Bool = true, isConvolution: Bool = false
  ) {
    self.name = name
    weight = Parameter(
      name: name + ".weight", value: Tensor(zeros: [outputs, inputs]),
      isTransposedInFiles: isConvolution)
    bias = hasBias ? Parameter(name: name + ".bias", value: Tensor(zeros: [outputs])) : nil
  }

  /// Every parameter, the addition's included.
  public var parameters: [Parameter] {
    [weight] + (bias.map { [$0] } ?? []) + (lowRank.map { [$0.down, $0.up] } ?? [])
  }

  /// x [T, in] → [T, out], followed by an activation where one is given.
  public func callAsFunction(
    _ x: Variable, activation: Activation? = nil, on tape: Tape
  ) -> Variable {
    guard let lowRank else {
      return tape.linear(x, weight: weight, bias: bias, activation: activation)
    }
    let y = tape.lowRankLinear(
      x, weight: weight, bias: bias, down: lowRank.down, up: lowRank.up, scale: lowRank.scale,
      dropout: lowRank.dropout)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// Attaches an addition of rank R: A drawn uniformly from ±1/√in, B zero. The draws of a rank
  /// begin with those of a lower one.
  func attachLowRank(
    rank: Int, scale: Double, dropout: Double, using generator: SeededGenerator
  ) {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    var draws = generator.split(name + ".lora_A.weight")
    let bound = 1 / Float(inputs).squareRoot()
    lowRank = LowRank(
      down: Parameter(
        name: name + ".lora_A.weight",
        value: Tensor(uniform: [rank, inputs], in: -bound...bound, using: &draws)),
      up: Parameter(name: name + ".lora_B.weight", value: Tensor(zeros: [outputs, rank])),
      scale: scale, dropout: dropout)
  }

  /// Adds s · B A to the weight and lets the addition go. The map stays the same up to rounding.
  public func mergeLowRank() {
    guard let lowRank else { return }
    weight.value.addProduct(of: lowRank.up.value, lowRank.down.value, scale: Float(lowRank.scale))
    self.lowRank = nil
  }
}
