import PEFTNetwork
import PEFTTensor

/// PEFT's LoRA files: `lora_A` [R, in] and `lora_B` [out, R], with s computed from alpha.
struct LowRankFormat: AdapterFormat {
  /// α for layers that no pattern matches.
  private let alpha: Double
  /// α for the other layers. Their ranks are those of their tensors.
  private let alphas: ModulePatterns
  /// Whether s is α / √R instead of α / R (Kalajdzievski 2023).
  private let isRankStabilized: Bool

  let suffixes = ["lora_A", "lora_B"]
  let usualMethod: any AdaptationMethod = LowRankAdaptation()

  /// Creates a format with one α for all layers.
  init(alpha: Double) {
    self.alpha = alpha
    alphas = ModulePatterns()
    isRankStabilized = false
  }

  /// Errors: `unsupported` for variants with different mathematics, `malformed`.
  init(_ configuration: AdapterConfiguration) throws(FileError) {
    // These initialisations change the base weights.
    try configuration.refuse("init_lora_weights") { start in
      let known = ["gaussian", "eva", "orthogonal", "mica"]
      return start.string.map { !known.contains($0) } ?? false
    }
    for key in ["lora_bias", "use_qalora", "use_bdlora"] {
      try configuration.refuse(key, where: { $0.bool == true })
    }
    for key in ["alora_invocation_tokens", "arrow_config", "layer_replication"] {
      try configuration.refuse(key)
    }
    guard let alpha = configuration["lora_alpha"]?.double, alpha.isFinite else {
      throw FileError(
        .malformed, path: configuration.path, place: "lora_alpha", reason: "not a number")
    }
    self.alpha = alpha
    isRankStabilized = configuration["use_rslora"]?.bool == true
    alphas = try ModulePatterns("alpha_pattern", of: configuration)
  }

  /// s for a delta of this rank on the layer called `name`.
  func scale(of name: String, rank: Int) -> Double {
    let divisor = isRankStabilized ? Double(rank).squareRoot() : Double(rank)
    return (alphas.value(of: name) ?? alpha) / divisor
  }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    try lowRankAdapter(of: layer, called: name, tensors)
  }

  /// Creates the delta of A and B on the weight of `layer`, which the file calls `name`.
  func lowRankAdapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> LowRankAdapter {
    let (down, up) = try Self.factors(of: layer, tensors)
    return LowRankAdapter(
      layer.name, down: down, up: up, scale: scale(of: name, rank: down.shape.rows),
      isRankStabilized: isRankStabilized)
  }

  /// A and B, checked to fit the layer.
  static func factors(
    of layer: LinearLayer, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> (down: Tensor, up: Tensor) {
    guard let down = tensors["lora_A"], let up = tensors["lora_B"] else {
      throw AdapterMismatch("A or B is missing")
    }
    let rank = down.shape.extents.first ?? 0
    guard rank > 0, down.shape.extents == [rank, layer.weight.shape[1]],
      up.shape.extents == [layer.weight.shape[0], rank]
    else {
      throw AdapterMismatch("A \(down.shape) and B \(up.shape) do not fit \(layer.weight.shape)")
    }
    return (down, up)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    lowRankMethod(
      of: adapted.compactMap { layer, adapter in
        (adapter as? LowRankAdapter).map { (layer: layer, adapter: $0) }
      })
  }

  /// The LoRA method that trains these deltas further; nil if they differ in their settings.
  func lowRankMethod(
    of adapted: [(layer: LinearLayer, adapter: LowRankAdapter)]
  ) -> LowRankAdaptation? {
    guard let first = adapted.first?.adapter, first.rank <= AdapterCandidates.rankLimit,
      first.scale > 0,
      adapted.allSatisfy({ $0.adapter.rank == first.rank && $0.adapter.scale == first.scale })
    else { return nil }
    var method = LowRankAdaptation(rank: first.rank, targets: adapted.map(\.layer.name))
    method.scaling = isRankStabilized ? .rootRank : .rank
    method.alpha = first.scale * method.scaling.divisor(rank: first.rank)
    return method
  }
}
