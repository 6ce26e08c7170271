import PEFTNetwork
import PEFTTensor

/// PEFT's AdaLoRA files: `lora_A` [R, in], `lora_E` [R, 1] and `lora_B` [out, R], of the triplets
/// that are left. The scale follows from the number at the beginning.
struct TripletFormat: AdapterFormat {
  private let alpha: Double
  /// Whether the scale of a layer has the number of its triplets in place of alpha.
  private let scalesByRank: Bool
  private let startRank: Int
  private let targetRank: Int

  let suffixes = TripletAdapter.suffixes
  let usualMethod: any AdaptationMethod = AdaptiveRankAdaptation()

  /// Errors: `malformed` for a missing alpha or rank.
  init(_ configuration: AdapterConfiguration) throws(FileError) {
    guard let alpha = configuration["lora_alpha"]?.double, alpha.isFinite,
      let start = configuration["init_r"]?.integer, start > 0
    else {
      throw FileError(
        .malformed, path: configuration.path, place: "init_r",
        reason: "init_r or lora_alpha is not a number", remedy: "use the file that PEFT wrote")
    }
    self.alpha = alpha > 0 ? alpha : Double(start)
    // PEFT makes such layers anew, with the triplets that are left.
    scalesByRank = alpha <= 0 && configuration["rank_pattern"]?.object?.keys.isEmpty == false
    startRank = start
    targetRank = configuration["target_r"]?.integer ?? start
  }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    guard let down = tensors[suffixes[0]], let values = tensors[suffixes[1]],
      let up = tensors[suffixes[2]]
    else { throw AdapterMismatch("one of \(suffixes.joined(separator: ", ")) is missing") }
    let rank = down.shape.extents.first ?? 0
    guard (0...startRank).contains(rank),
      down.shape.extents == [rank, layer.weight.shape.columns], values.shape.count == rank,
      up.shape.extents == [layer.weight.shape.rows, rank]
    else {
      throw AdapterMismatch(
        "\(down.shape), \(values.shape) and \(up.shape) do not fit \(layer.weight.shape) and at "
          + "most \(startRank) triplets")
    }
    guard rank > 0 else {
      // PEFT saves layers without triplets. One whose λ is zero computes the same.
      let shape = layer.weight.shape
      return TripletAdapter(
        layer.name, down: Tensor(zeros: [1, shape.columns]), values: Tensor(zeros: [1, 1]),
        up: Tensor(zeros: [shape.rows, 1]), startRank: startRank, alpha: alpha)
    }
    return TripletAdapter(
      layer.name, down: down, values: values.reshaped(to: [rank, 1]), up: up,
      startRank: startRank, alpha: scalesByRank ? Double(rank) : alpha)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    let whole = adapted.allSatisfy { ($0.adapter as? TripletAdapter)?.rank == startRank }
    guard whole, startRank <= AdapterCandidates.rankLimit else { return nil }
    var method = AdaptiveRankAdaptation(
      rank: min(max(1, targetRank), startRank), startRank: startRank,
      targets: adapted.map(\.layer.name))
    method.alpha = alpha
    return method
  }
}
