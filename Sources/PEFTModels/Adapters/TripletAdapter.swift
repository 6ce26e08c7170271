import PEFTNetwork
import PEFTTensor

/// A delta s · P diag(λ) Q on a weight: triplets of a row of Q, a number λ and a column of P, each
/// of which can be taken away by setting its λ to zero (AdaLoRA, Zhang et al. 2023).
public final class TripletAdapter: LinearAdapter {
  /// Q [R, in], the directions of the inputs; `lora_A` in files.
  public var down: Parameter { downFactor.parameter }
  /// λ [R, 1]; `lora_E` in files.
  public var values: Parameter { valueFactor.parameter }
  /// P [out, R], the directions of the outputs; `lora_B` in files.
  public var up: Parameter { upFactor.parameter }
  /// The number of triplets at the beginning, which determines s.
  public let startRank: Int
  /// α.
  public let alpha: Double
  /// The probability of dropping an element of the delta's input.
  public let dropout: Double
  private let downFactor: AdapterParameter
  private let valueFactor: AdapterParameter
  private let upFactor: AdapterParameter
  private let layer: String

  /// The name suffixes of Q, λ and P.
  static let suffixes = ["lora_A", "lora_E", "lora_B"]
  /// The standard deviation of new elements of P and Q, as in PEFT.
  private static let startDeviation: Float = 0.02

  /// Creates the delta of Q [R, in], λ [R, 1] and P [out, R] on the weight of the module at the
  /// path `module`.
  ///
  /// - Parameter startRank: the number of triplets at the beginning, at least R.
  public init(
    _ module: String, down: Tensor, values: Tensor, up: Tensor, startRank: Int, alpha: Double,
    dropout: Double = 0
  ) {
    layer = module
    downFactor = AdapterParameter(module, Self.suffixes[0], down, part: .silent)
    valueFactor = AdapterParameter(module, Self.suffixes[1], values)
    upFactor = AdapterParameter(module, Self.suffixes[2], up, part: .silent)
    (self.startRank, self.alpha, self.dropout) = (startRank, alpha, dropout)
  }

  /// Creates a new delta of R triplets on the weight of `layer`, with P and Q normal and λ zero, so
  /// that the layer's map does not change.
  public convenience init(
    for layer: LinearLayer, rank: Int, alpha: Double, dropout: Double = 0,
    using generator: SeededGenerator
  ) {
    func normal(_ suffix: String, _ shape: Shape) -> Tensor {
      var draws = generator.split(layer.name + "." + suffix)
      return Tensor(normal: shape, standardDeviation: Self.startDeviation, using: &draws)
    }
    let shape = layer.weight.shape
    self.init(
      layer.name, down: normal(Self.suffixes[0], [rank, shape.columns]),
      values: Tensor(zeros: [rank, 1]), up: normal(Self.suffixes[2], [shape.rows, rank]),
      startRank: rank, alpha: alpha, dropout: dropout)
  }

  /// R.
  public var rank: Int { down.shape.rows }
  /// s = α / (the rank at the beginning + 10⁻⁵), as in PEFT.
  public var scale: Double { alpha / (Double(startRank) + 1e-5) }
  /// The number of parameters of a triplet, in + out + 1.
  public var tripletSize: Int { down.shape.columns + up.shape.rows + 1 }

  /// Q, λ, then P.
  public var factors: [AdapterParameter] { [downFactor, valueFactor, upFactor] }

  /// y = x Wᵀ + b + s · (λ ∘ d(x) Qᵀ) Pᵀ.
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let inner = tape.linear(tape.dropout(x, probability: dropout), weight: down)
    let delta = tape.linear(tape.scaledColumns(inner, by: values), weight: up)
    let y = tape.add(
      tape.linear(x, weight: layer.weight, bias: layer.bias), delta, scaledBy: Float(scale))
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← W + s P diag(λ) Q.
  public func merge(into layer: LinearLayer) {
    var rows = down.value
    rows.scaleRows(by: values.value.reshaped(to: [rank]))
    layer.weight.value.addProduct(of: up.value, rows, scale: Float(scale))
  }

  /// The triplets whose λ is not zero; the first one if there are none, because PEFT cannot load an
  /// adapter without triplets.
  private var kept: [Int] {
    let found = values.value.elements.indices.filter { values.value.elements[$0] != 0 }
    return found.isEmpty ? [0] : found
  }

  /// Q, λ and P of the triplets whose λ is not zero.
  public var published: [(name: String, value: Tensor)] {
    let kept = kept
    return [
      (down.name, down.value.rows(at: kept)), (values.name, values.value.rows(at: kept)),
      (up.name, up.value.transposed.rows(at: kept).transposed),
    ]
  }

  /// The ranks at the beginning and now, α, and which triplets are in the file.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: TripletAdapter)]
  ) -> JSONObject {
    let start = adapted.first?.adapter.startRank ?? 12
    var pattern = JSONObject()
    for (layer, adapter) in adapted {
      let count = adapter.kept.count
      pattern[layer.name + "." + suffixes[1]] = .array(
        (0..<adapter.startRank).map { .bool($0 < count) })
    }
    let counts = adapted.map { $0.adapter.kept.count }
    let target = counts.reduce(0, +) / max(1, counts.count)
    return [
      "bias": .string("none"), "init_lora_weights": .bool(true), "init_r": .integer(start),
      "lora_alpha": .number(adapted.first?.adapter.alpha ?? 8), "lora_dropout": .number(0),
      "peft_type": .string("ADALORA"),
      "rank_pattern": counts.allSatisfy { $0 == start } ? .null : .object(pattern),
      "target_r": .integer(max(1, target)), "total_step": .integer(1),
    ]
  }
}
