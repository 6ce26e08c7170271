import PEFTNetwork
import PEFTTensor

/// Vectors that scale the rows and the columns of a weight: diag(a) W diag(c) (HyperAdapt).
public final class DiagonalAdapter: LinearAdapter {
  /// a [out, 1].
  public var rows: Parameter { rowFactor.parameter }
  /// c [1, in].
  public var columns: Parameter { columnFactor.parameter }
  private let rowFactor: AdapterParameter
  private let columnFactor: AdapterParameter

  /// Creates a new adapter of `layer` initialised to ones, so that the layer's map does not change.
  public init(for layer: LinearLayer) {
    let shape = layer.weight.shape
    columnFactor = AdapterParameter(
      layer.name, "hyperadapt_in", Tensor(repeating: 1, shape: [1, shape.columns]))
    rowFactor = AdapterParameter(
      layer.name, "hyperadapt_out", Tensor(repeating: 1, shape: [shape.rows, 1]))
  }

  /// c, then a.
  public var factors: [AdapterParameter] { [columnFactor, rowFactor] }

  /// y = f(a ∘ ((c ∘ x) Wᵀ) + b).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let product = tape.linear(tape.scaledColumns(x, by: columns), weight: layer.weight)
    let y = tape.scaledColumns(product, by: rows, adding: layer.bias)
    return activation.map { tape.activation(y, $0) } ?? y
  }

  /// W ← diag(a) W diag(c).
  public func merge(into layer: LinearLayer) {
    layer.weight.value.scaleColumns(by: columns.value)
    layer.weight.value.scaleRows(by: rows.value)
  }

  /// False: the change of W has full rank, and PEFT scales either rows or columns.
  public var hasPublishedForm: Bool { false }

  /// Nothing.
  public var published: [(name: String, value: Tensor)] { [] }

  /// Those of no adapter.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: DiagonalAdapter)]
  ) -> JSONObject { LowRankAdapter.configuration(of: []) }
}
