import PEFTNetwork
import PEFTTensor

/// PEFT's DoRA files: LoRA files with an additional `lora_magnitude_vector` [out].
struct WeightDecomposedFormat: AdapterFormat {
  /// The format of the low-rank deltas.
  let lowRank: LowRankFormat
  let usualMethod: any AdaptationMethod = WeightDecomposedAdaptation()

  var suffixes: [String] { lowRank.suffixes + [WeightDecomposedAdapter.suffix] }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    let addition = try lowRank.lowRankAdapter(of: layer, called: name, tensors)
    guard let magnitude = tensors[WeightDecomposedAdapter.suffix],
      magnitude.shape.extents == [layer.weight.shape[0]]
    else {
      throw AdapterMismatch("the magnitude is missing, or does not fit \(layer.weight.shape)")
    }
    return WeightDecomposedAdapter(layer.name, lowRank: addition, magnitude: magnitude)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    let additions = adapted.compactMap { layer, adapter in
      (adapter as? WeightDecomposedAdapter).map { (layer: layer, adapter: $0.lowRank) }
    }
    return lowRank.lowRankMethod(of: additions).map { WeightDecomposedAdaptation($0) }
  }
}
