import PEFTNetwork
import PEFTTensor

/// A relaxed reflection on both sides of a weight (ETHER+, Bini et al. 2024): W becomes H W H̃ with
/// H = I − û ûᵀ + v̂ v̂ᵀ on the outputs and H̃, of the same form, on the inputs. The change of W
/// has rank 4.
public final class RelaxedReflectionAdapter: LinearAdapter {
  /// The vectors of one side, of any length: u is taken out, v is put in.
  public struct Side {
    let out: AdapterParameter
    let into: AdapterParameter

    /// u [n, 1].
    public var removed: Parameter { out.parameter }
    /// v [n, 1].
    public var added: Parameter { into.parameter }
  }

  /// The vectors of the inputs.
  public let inputs: Side
  /// The vectors of the outputs.
  public let outputs: Side
  private let layer: String
  private let weight: Parameter
  /// Ones, with which the bias is added.
  private let ones: Parameter

  /// Creates the adapter of `layer` whose vectors on each side are equal, so that the layer's map
  /// does not change.
  public init(for layer: LinearLayer, using generator: SeededGenerator) {
    func side(_ name: String, ofOutputs: Bool) -> Side {
      let vector = layer.randomVector(name, ofOutputs: ofOutputs, using: generator)
      return Side(
        out: AdapterParameter(layer.name, name + "_u", vector),
        into: AdapterParameter(layer.name, name + "_v", vector))
    }
    inputs = side("ether_in", ofOutputs: false)
    outputs = side("ether_out", ofOutputs: true)
    (self.layer, weight) = (layer.name, layer.weight)
    ones = Parameter(
      name: layer.name + ".ones", value: Tensor(repeating: 1, shape: [layer.weight.shape.rows]),
      isTrainable: false)
  }

  /// Those of the inputs, then those of the outputs.
  public var factors: [AdapterParameter] { [inputs.out, inputs.into, outputs.out, outputs.into] }

  /// y = f(((x H̃) Wᵀ) H + b).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let product = tape.linear(inputs.applied(to: x, on: tape), weight: layer.weight)
    var y = outputs.applied(to: product, on: tape)
    if let bias = layer.bias { y = tape.scaledColumns(y, by: ones, adding: bias) }
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← H W H̃.
  public func merge(into layer: LinearLayer) { lowRank.merge(into: layer) }

  /// The same change of the layer's weight as a LoRA of rank 4. With H = I + U Vᵀ and
  /// H̃ = I + Ũ Ṽᵀ,
  ///
  ///     H W H̃ − W = U (Vᵀ W H̃) + (W Ũ) Ṽᵀ
  public var lowRank: LowRankAdapter {
    let (left, right) = (outputs.rows, inputs.rows)
    var product = Tensor(zeros: [2, weight.shape.columns])
    product.addProduct(of: left.plain, weight.value, scale: 1)
    var overlap = Tensor(zeros: [2, 2])
    overlap.addProduct(of: product, right.signed.transposed, scale: 1)
    product.addProduct(of: overlap, right.plain, scale: 1)
    var image = Tensor(zeros: [weight.shape.rows, 2])
    image.addProduct(of: weight.value, right.signed.transposed, scale: 1)
    return LowRankAdapter(
      layer, down: product.above(right.plain),
      up: left.signed.above(image.transposed).transposed, scale: 1)
  }

  /// The tensors of the LoRA.
  public var published: [(name: String, value: Tensor)] { lowRank.published }

  /// The settings of the LoRA.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: RelaxedReflectionAdapter)]
  ) -> JSONObject {
    LowRankAdapter.configuration(of: adapted.map { ($0.layer, $0.adapter.lowRank) })
  }
}

extension RelaxedReflectionAdapter.Side {
  /// x − (x û) ûᵀ + (x v̂) v̂ᵀ, from half of each reflection: x (I − 2 û ûᵀ) = x − 2 (x û) ûᵀ.
  fileprivate func applied(to x: Variable, on tape: Tape) -> Variable {
    tape.add(
      tape.add(x, tape.reflectedColumns(x, by: removed), scaledBy: 0.5),
      tape.reflectedColumns(x, by: added), scaledBy: -0.5)
  }

  /// û and v̂ as rows [2, n], and −û and v̂.
  fileprivate var rows: (plain: Tensor, signed: Tensor) {
    func unit(_ parameter: Parameter, _ sign: Float) -> Tensor {
      var row = Tensor(parameter.value.elements, shape: [1, parameter.count])
      let norm = Float(row.sumOfSquares.squareRoot())
      row.scaleRows(by: Tensor(repeating: norm > 0 ? sign / norm : 0, shape: [1]))
      return row
    }
    let added = unit(added, 1)
    return (unit(removed, 1).above(added), unit(removed, -1).above(added))
  }
}
