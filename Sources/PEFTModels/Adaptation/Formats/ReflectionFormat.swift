import PEFTNetwork
import PEFTTensor

/// PEFT's HRA files: `hra_u` [in, R].
struct ReflectionFormat: AdapterFormat {
  let suffixes = [ReflectionAdapter.suffix]
  let usualMethod: any AdaptationMethod = ReflectionTuning()

  /// Errors: `unsupported` for columns that PEFT makes orthogonal before it reflects.
  init(_ configuration: AdapterConfiguration) throws(FileError) {
    try configuration.refuse("apply_GS", where: { $0.bool == true })
  }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    guard let columns = tensors[ReflectionAdapter.suffix], columns.shape.rank == 2,
      columns.shape.rows == layer.weight.shape.columns,
      (1...AdapterCandidates.rankLimit).contains(columns.shape.columns)
    else {
      throw AdapterMismatch(
        "\(tensors[ReflectionAdapter.suffix]?.shape ?? [0]) does not fit \(layer.weight.shape)")
    }
    return ReflectionAdapter(for: layer, columns: columns)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    let ranks = Set(adapted.compactMap { ($0.adapter as? ReflectionAdapter)?.rank })
    if ranks == [1] { return SingleReflectionTuning(targets: adapted.map(\.layer.name)) }
    guard let rank = ranks.first, ranks.count == 1, rank.isMultiple(of: 2),
      rank <= AdapterCandidates.rankLimit
    else { return nil }
    return ReflectionTuning(rank: rank, targets: adapted.map(\.layer.name))
  }
}
