import PEFTTensor

extension TransformerModel {
  /// Folds every adapter into its layer.
  public func mergeAdapters() {
    for layer in backboneLinearLayers { layer.mergeAdapter() }
  }

  /// Removes every adapter without folding it in. The weights do not change.
  public func detachAdapters() {
    for layer in backboneLinearLayers { layer.adapter = nil }
  }

  /// Removes the adapters whose parameters are all frozen: those that a method chose not to train.
  package func detachFrozenAdapters() {
    for layer in backboneLinearLayers {
      guard let factors = layer.adapter?.factors, !factors.isEmpty else { continue }
      if factors.allSatisfy({ $0.parameter.recorded == .none }) { layer.adapter = nil }
    }
  }

  /// Gives the deltas of which a method chose the rank the ranks of their stored factors, and
  /// removes those that are not stored.
  ///
  /// - Parameter shape: the stored shape of a parameter by its name; nil if it is not stored.
  package func settleRanks(by shape: (String) -> [Int]?) {
    for layer in backboneLinearLayers {
      guard let delta = layer.adapter as? LowRankAdapter, delta.hasOpenRank else { continue }
      layer.adapter = nil
      guard let rank = shape(delta.down.name)?.first, (1...delta.rank).contains(rank) else {
        continue
      }
      layer.adapter = LowRankAdapter(
        layer.name, down: delta.down.value.rows(0..<rank),
        up: Tensor(zeros: [delta.up.shape.rows, rank]), scale: delta.scale, dropout: delta.dropout,
        isRankStabilized: delta.isRankStabilized)
    }
  }

  /// The parameters of the attached adapters.
  var adapterParameters: Set<Parameter> {
    Set(backboneLinearLayers.compactMap(\.adapter).flatMap(\.factors).map(\.parameter))
  }

  /// The parameters of the attached adapters that are not trained, such as the frames of cores.
  /// Files of a run hold them, because the base model lacks them.
  package var frozenAdapterParameters: [Parameter] {
    parameters.filter { $0.adapter != nil && !$0.parameter.isTrainable }.map(\.parameter)
  }

  /// The linear maps of the backbone that a target names: those whose path is the target, or ends
  /// with a dot and the target.
  public func linearLayers(matching target: String) -> [LinearLayer] {
    backboneLinearLayers.filter { $0.name == target || $0.name.hasSuffix("." + target) }
  }
  /// The linear maps of the backbone that one of `targets` names, lowest first; all of them if
  /// there are no targets.
  func linearLayers(matchingAnyOf targets: [String]) -> [LinearLayer] {
    guard !targets.isEmpty else { return backboneLinearLayers }
    let named = Set(targets.flatMap { linearLayers(matching: $0) }.map(\.name))
    return backboneLinearLayers.filter { named.contains($0.name) }
  }
}
