import PEFTNetwork
import PEFTTensor

/// A bottleneck network that reads a layer's own weight or bias and adds its output to it (HiWi,
/// Liao et al. 2023): b + U f(D b), or W + f(W Dᵀ) U, with f = max(0, ·).
public final class ParameterAdapter: LinearAdapter {
  /// What the network reads and changes.
  public enum Part: String, Sendable {
    /// The bias [out].
    case bias
    /// The weight [out, in], row by row.
    case weight
  }

  /// What the network reads and changes.
  public let part: Part
  /// D [R, out] for a bias, D [R, in] for a weight.
  public var down: Parameter { downFactor.parameter }
  /// U [out, R] for a bias, U [R, in] for a weight.
  public var up: Parameter { upFactor.parameter }
  private let layer: LinearLayer
  private let downFactor: AdapterParameter
  private let upFactor: AdapterParameter

  /// Creates a new adapter of `layer` of width R, with D uniform in ±1/√n over its n columns and U
  /// zero, so that the layer's map does not change. A bias must exist to be adapted.
  public init(
    for layer: LinearLayer, part: Part, rank: Int, using generator: SeededGenerator
  ) {
    precondition(
      part == .weight || layer.bias != nil, "ParameterAdapter: \(layer.name) has no bias")
    (self.layer, self.part) = (layer, part)
    // Every pass reads W in Float. From now on, so that forecasts of memory count it.
    if part == .weight { _ = layer.weight.value }
    let shape = layer.weight.shape
    let width = part == .bias ? shape.rows : shape.columns
    var draws = generator.split(layer.name + ".hiwi_down")
    let bound = 1 / Float(width).squareRoot()
    downFactor = AdapterParameter(
      layer.name, "hiwi_down",
      Tensor(uniform: [rank, width], in: -bound...bound, using: &draws), part: .silent)
    upFactor = AdapterParameter(
      layer.name, "hiwi_up",
      Tensor(zeros: part == .bias ? [width, rank] : [rank, width]))
  }

  /// D, then U.
  public var factors: [AdapterParameter] { [downFactor, upFactor] }

  /// y = x Wᵀ + b + U f(D b), or x Wᵀ + b + x (f(W Dᵀ) U)ᵀ.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.linear(x, weight: layer.weight, bias: layer.bias)
    let adapted =
      switch part {
      case .bias:
        tape.addedBias(y, from: layer.bias?.value ?? Tensor(zeros: [0]), down: down, up: up)
      case .weight: tape.add(y, tape.innerProducts(tape.linear(x, weight: up), hidden(on: tape)))
      }
    return activation.map { tape.activation(adapted, $0) } ?? adapted
  }

  /// f(W Dᵀ), [out, R].
  private func hidden(on tape: Tape) -> Variable {
    let weight = layer.weight.value
    return tape.linear(
      Variable(constant: weight, partition: RowPartition(lengths: [weight.shape.rows])),
      weight: down, activation: .relu)
  }

  /// Adds the output of the network to the weight or bias.
  public func merge(into layer: LinearLayer) {
    switch part {
    case .bias:
      guard let bias = layer.bias else { return }
      let start = Variable(
        constant: Tensor(zeros: [1, bias.count]), partition: RowPartition(examples: 1))
      let change = Tape().addedBias(start, from: bias.value, down: down, up: up).value
      bias.value.add(change.reshaped(to: bias.shape), scaledBy: 1)
    case .weight: lowRank.merge(into: layer)
    }
  }

  /// The change of a weight as a LoRA with A = U, B = f(W Dᵀ) and s = 1.
  public var lowRank: LowRankAdapter {
    LowRankAdapter(layer.name, down: up.value, up: hidden(on: Tape()).value, scale: 1)
  }

  /// Whether a weight is adapted, which is a LoRA; a layer whose bias changed is saved whole.
  public var hasPublishedForm: Bool { part == .weight }

  /// The tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] { lowRank.published }

  /// The settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: ParameterAdapter)]
  ) -> JSONObject {
    LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
  }
}
