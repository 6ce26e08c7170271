import PEFTTensor

/// What `adapter_config.json` of a Hugging Face PEFT adapter says of its low-rank additions.
struct AdapterConfiguration {
  /// α where no pattern says otherwise.
  let alpha: Double
  private let alphas: [(suffix: String, alpha: Double)]
  /// Whether s = α / √R instead of α / R (Kalajdzievski 2023).
  private let isRankStabilized: Bool

  /// A configuration with one α.
  init(alpha: Double) {
    self.alpha = alpha
    alphas = []
    isRankStabilized = false
  }

  /// Parses `bytes`, which came from the file at `path`. Variants whose mathematics is another are
  /// refused by name.
  init(parsing bytes: [UInt8], path: String) throws(FileError) {
    let document = try JSONValue(parsing: bytes, path: path)
    func refuse(_ key: String) -> FileError {
      FileError(
        .unsupported, path: path, place: key,
        reason: "adapters with \(document[key]?.text() ?? "it") are not supported",
        remedy: "merge the adapter with PEFT and use the merged model")
    }
    if let type = document["peft_type"]?.string, type != "LORA" { throw refuse("peft_type") }
    for key in ["use_dora", "lora_bias", "use_qalora", "use_bdlora"]
    where document[key]?.bool == true {
      throw refuse(key)
    }
    // Their base weights are others than the model's.
    if let start = document["init_lora_weights"]?.string,
      !["gaussian", "eva", "orthogonal", "mica"].contains(start)
    {
      throw refuse("init_lora_weights")
    }
    for key in ["alora_invocation_tokens", "arrow_config", "layer_replication"]
    where document[key] ?? .null != .null {
      throw refuse(key)
    }
    if let task = document["task_type"]?.string,
      !["SEQ_CLS", "CAUSAL_LM", "FEATURE_EXTRACTION"].contains(task)
    {
      throw refuse("task_type")
    }
    guard let alpha = document["lora_alpha"]?.double, alpha.isFinite else {
      throw FileError(.malformed, path: path, place: "lora_alpha", reason: "not a number")
    }
    self.alpha = alpha
    isRankStabilized = document["use_rslora"]?.bool == true
    var alphas: [(suffix: String, alpha: Double)] = []
    for (name, value) in document["alpha_pattern"]?.object?.members.map({ ($0.key, $0.value) })
      ?? []
    {
      guard let alpha = value.double, alpha.isFinite, Self.isPlain(name) else {
        throw refuse("alpha_pattern")
      }
      alphas.append((name, alpha))
    }
    self.alphas = alphas
  }

  /// s of the addition of a rank to the layer called `name`.
  func scale(of name: String, rank: Int) -> Double {
    let alpha = alphas.first { name == $0.suffix || name.hasSuffix("." + $0.suffix) }?.alpha
    let divisor = isRankStabilized ? Double(rank).squareRoot() : Double(rank)
    return (alpha ?? self.alpha) / divisor
  }

  /// Patterns are regular expressions; a module's path stands for itself.
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
