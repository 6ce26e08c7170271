import PEFTNetwork
import PEFTTensor

/// PEFT's SHiRA files: `shira_weight` [k] and `shira_indices` [2, k], the rows and the columns of k
/// elements, as integers, or as floating-point numbers if they were written on Windows.
struct SparseFormat: AdapterFormat {
  let suffixes = [SparseAdapter.valueSuffix, SparseAdapter.indexSuffix]
  let indexSuffixes = [SparseAdapter.indexSuffix]
  let usualMethod: any AdaptationMethod = SparseTuning()

  /// Values at the same place are added, as PEFT adds them.
  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    guard !layer.weight.isTransposedInFiles else {
      throw AdapterMismatch("PEFT has no SHiRA adapters of such layers")
    }
    guard let values = tensors[SparseAdapter.valueSuffix], values.shape.rank == 1,
      let indices = tensors[SparseAdapter.indexSuffix], indices.shape == [2, values.count],
      values.count <= layer.weight.count
    else {
      throw AdapterMismatch(
        "\(tensors[SparseAdapter.indexSuffix]?.shape ?? [0]) are not the rows and columns of "
          + "\(tensors[SparseAdapter.valueSuffix]?.shape ?? [0])")
    }
    let (shape, places) = (layer.weight.shape, indices.elements)
    var changes: [Int: Float] = [:]
    for (element, value) in values.elements.enumerated() {
      let (row, column) = (places[element], places[values.count + element])
      guard let row = Int(exactly: row), let column = Int(exactly: column),
        (0..<shape.rows).contains(row), (0..<shape.columns).contains(column)
      else {
        throw AdapterMismatch("the place \(row), \(column) is not in \(shape)")
      }
      changes[row * shape.columns + column, default: 0] += value
    }
    let sorted = changes.sorted { $0.key < $1.key }
    return SparseAdapter(for: layer, positions: sorted.map(\.key), values: sorted.map(\.value))
  }

  /// The same elements; those without a value may fill up a file and are left out, unless all are
  /// zero.
  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    let sparse = adapted.compactMap { layer, adapter in
      (adapter as? SparseAdapter).map { (weight: layer.weight.name, adapter: $0) }
    }
    let isNew = sparse.allSatisfy { $0.adapter.values.allSatisfy { $0 == 0 } }
    let members = sparse.compactMap { weight, adapter -> ParameterGroup.Member? in
      let kept = zip(adapter.positions, adapter.values).filter { isNew || $1 != 0 }.map(\.0)
      return kept.isEmpty
        ? nil : .elements(weight: weight, count: kept.count, positions: kept)
    }
    let fits = members.allSatisfy {
      guard case .elements(_, let count, _) = $0 else { return false }
      return count <= AdapterCandidates.elementLimit
    }
    return members.isEmpty || !fits ? nil : SelectedTuning(members: members)
  }
}
