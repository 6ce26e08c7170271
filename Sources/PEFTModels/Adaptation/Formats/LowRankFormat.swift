import PEFTNetwork
import PEFTTensor

/// PEFT's LoRA files: `lora_A` [R, in] and `lora_B` [out, R], with s computed from alpha.
struct LowRankFormat: AdapterFormat {
  /// α for layers that no pattern matches.
  private let alpha: Double
  private let alphas: [(suffix: String, alpha: Double)]
  /// Whether s is α / √R instead of α / R (Kalajdzievski 2023).
  private let isRankStabilized: Bool

  let suffixes = ["lora_A", "lora_B"]
  let usualMethod: any AdaptationMethod = LowRankAdaptation()

  /// Creates a format with one α for all layers.
  init(alpha: Double) {
    self.alpha = alpha
    alphas = []
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
    var alphas: [(suffix: String, alpha: Double)] = []
    for (name, value) in (configuration["alpha_pattern"]?.object ?? [:]).members {
      guard let alpha = value.double, alpha.isFinite, Self.isPlain(name) else {
        throw configuration.refusal("alpha_pattern")
      }
      alphas.append((name, alpha))
    }
    self.alphas = alphas
  }

  /// s for a delta of this rank on the layer called `name`.
  func scale(of name: String, rank: Int) -> Double {
    let alpha = alphas.first { name == $0.suffix || name.hasSuffix("." + $0.suffix) }?.alpha
    let divisor = isRankStabilized ? Double(rank).squareRoot() : Double(rank)
    return (alpha ?? self.alpha) / divisor
  }

  func adapter(
    of layer: LinearLayer, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter { try lowRankAdapter(of: layer, tensors) }

  /// Creates the delta of A and B on the weight of `layer`.
  func lowRankAdapter(
    of layer: LinearLayer, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> LowRankAdapter {
    let (down, up) = try Self.factors(of: layer, tensors)
    return LowRankAdapter(
      layer.name, down: down, up: up, scale: scale(of: layer.name, rank: down.shape.rows))
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
    return LowRankAdaptation(
      rank: first.rank, alpha: first.scale * Double(first.rank), targets: adapted.map(\.layer.name))
  }

  /// Whether a pattern is a plain module path. Patterns are regular expressions, of which only
  /// plain paths are supported.
  private static func isPlain(_ pattern: String) -> Bool {
    pattern.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
