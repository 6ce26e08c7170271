import PEFTTensor

/// A sparse delta on a weight: W_ij + v at some elements (SHiRA, Bhardwaj et al. 2024, arXiv
/// 2406.13175), as Hugging Face PEFT stores it.
///
/// Files exchange single elements in this form. Nothing in it trains: ``SparseTuning`` and
/// ``SelectedTuning`` train elements of the weight itself.
public final class SparseAdapter: LinearAdapter {
  /// The positions of the elements in the weight [out, in], row-major, ascending and distinct.
  public let positions: [Int]
  /// v, in the order of `positions`.
  public let values: [Float]
  private let weight: Parameter
  private let layer: String

  /// The name suffixes of the values [k] and of the rows and columns [2, k].
  static let (valueSuffix, indexSuffix) = ("shira_weight", "shira_indices")

  /// Creates the delta with `values` at `positions` of the weight of `layer`.
  public init(for layer: LinearLayer, positions: [Int], values: [Float]) {
    precondition(
      positions.count == values.count
        && zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }
        && (positions.first ?? 0) >= 0 && (positions.last ?? 0) < layer.weight.count,
      "SparseAdapter: \(positions.count) positions and \(values.count) values of "
        + "\(layer.weight.shape)")
    (self.positions, self.values) = (positions, values)
    (weight, self.layer) = (layer.weight, layer.name)
  }

  /// Creates the delta that leads from `base` [out, in] to the weight of `layer`.
  public convenience init(of layer: LinearLayer, since base: Tensor) {
    precondition(base.shape == layer.weight.shape, "SparseAdapter: \(base.shape) of \(layer.name)")
    var (positions, values): ([Int], [Float]) = ([], [])
    layer.weight.value.withUnsafeElements { after in
      base.withUnsafeElements { before in
        for index in after.indices where after[index] != before[index] {
          positions.append(index)
          values.append(after[index] - before[index])
        }
      }
    }
    self.init(for: layer, positions: positions, values: values)
  }

  /// The smallest R for which R (in + out) elements, as PEFT has them of a weight, are enough; at
  /// least 1.
  public var rank: Int {
    let size = weight.shape.rows + weight.shape.columns
    return max(1, (positions.count + size - 1) / size)
  }

  /// The same delta with R (in + out) elements, in which values of zero fill up what is missing.
  ///
  /// Requires that R is at least `rank`, and that the weight has as many elements.
  public func padded(toRank rank: Int, of layer: LinearLayer) -> SparseAdapter {
    let missing = rank * (weight.shape.rows + weight.shape.columns) - positions.count
    precondition(
      missing >= 0 && positions.count + missing <= weight.count,
      "SparseAdapter: rank \(rank) of \(weight.shape)")
    let taken = Set(positions)
    let free = (0..<weight.count).lazy.filter { !taken.contains($0) }.prefix(missing)
    let all = (zip(positions, values).map { ($0, $1) } + free.map { ($0, 0) }).sorted {
      $0.0 < $1.0
    }
    return SparseAdapter(for: layer, positions: all.map(\.0), values: all.map(\.1))
  }

  /// No parameters: nothing trains.
  public var factors: [AdapterParameter] { [] }

  /// W with the delta, made when it is first needed.
  private lazy var changed: Parameter = {
    Parameter(name: weight.name, value: changedWeight(), isTrainable: false)
  }()

  /// y = f(x (W + Δ)ᵀ + b).
  public func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    tape.linear(x, weight: changed, bias: layer.bias, activation: activation)
  }

  /// W ← W + Δ.
  public func merge(into layer: LinearLayer) { layer.weight.value = changedWeight() }

  private func changedWeight() -> Tensor {
    var value = weight.value
    value.withUnsafeMutableElements { elements in
      for (position, change) in zip(positions, values) { elements[position] += change }
    }
    return value
  }

  /// Whether PEFT has such adapters of the layer. It has none where files hold the transpose of the
  /// weight, as GPT-2's do.
  public var hasPublishedForm: Bool { !weight.isTransposedInFiles }

  /// The values.
  public var published: [(name: String, value: Tensor)] {
    [(layer + "." + Self.valueSuffix, Tensor(values, shape: [values.count]))]
  }

  /// The rows, then the columns, of the elements, [2, k], by their full name.
  public var publishedIndices: (name: String, rowsAndColumns: [Int32]) {
    let width = weight.shape.columns
    return (
      layer + "." + Self.indexSuffix,
      positions.map { Int32($0 / width) } + positions.map { Int32($0 % width) }
    )
  }

  /// The rank, of which R (in + out) is the number of elements. PEFT's masks are not used, since
  /// files hold the elements.
  public static func configuration(
    of adapted: [(layer: LinearLayer, adapter: SparseAdapter)]
  ) -> JSONObject {
    [
      "init_weights": .bool(true), "mask_type": .string("custom"), "peft_type": .string("SHIRA"),
      "r": .integer(adapted.map(\.adapter.rank).max() ?? 1), "random_seed": .null,
    ]
  }
}
