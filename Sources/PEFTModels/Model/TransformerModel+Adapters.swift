import PEFTTensor

extension TransformerModel {
  /// Folds every adapter into its layer.
  public func mergeAdapters() {
    for layer in backboneLinearLayers { layer.mergeAdapter() }
  }

  /// Takes every adapter off without folding it in; the weights stay as they are.
  public func detachAdapters() {
    for layer in backboneLinearLayers { layer.adapter = nil }
  }

  /// The parameters of the adapters that are attached now.
  var adapterParameters: Set<Parameter> {
    Set(backboneLinearLayers.compactMap(\.adapter).flatMap(\.factors).map(\.parameter))
  }

  /// The linear maps of the backbone that a target names: the path is the target, or ends with it
  /// after a dot.
  public func linearLayers(matching target: String) -> [LinearLayer] {
    backboneLinearLayers.filter { $0.name == target || $0.name.hasSuffix("." + target) }
  }
}
