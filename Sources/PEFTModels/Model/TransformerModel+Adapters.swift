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

  /// The parameters of the attached adapters.
  var adapterParameters: Set<Parameter> {
    Set(backboneLinearLayers.compactMap(\.adapter).flatMap(\.factors).map(\.parameter))
  }

  /// The linear maps of the backbone that a target names: those whose path is the target, or ends
  /// with a dot and the target.
  public func linearLayers(matching target: String) -> [LinearLayer] {
    backboneLinearLayers.filter { $0.name == target || $0.name.hasSuffix("." + target) }
  }
}
