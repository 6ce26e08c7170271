extension LlamaConfiguration {
  /// A model family.
  public enum Family: String, CaseIterable, Hashable, Sendable {
    /// Touvron et al. 2023.
    case llama
    /// Jiang et al. 2023, without sliding windows.
    case mistral
    /// Yang et al. 2024; also Qwen2.5.
    case qwen2
    /// Yang et al. 2025.
    case qwen3
  }
}

/// What differs between the families.
extension LlamaConfiguration.Family {
  /// The start of the names of transformers' classes.
  var className: String {
    switch self {
    case .llama: "Llama"
    case .mistral: "Mistral"
    case .qwen2: "Qwen2"
    case .qwen3: "Qwen3"
    }
  }

  /// Whether the biases of the attention block are a setting; otherwise the family decides.
  var choosesAttentionBias: Bool { self == .llama || self == .qwen3 }

  /// Whether the heads of queries and keys are normalised before they are rotated.
  var normalizesHeads: Bool { self == .qwen3 }

  /// The number of key and value heads where a file names none; nil means as many as of queries.
  var usualKeyValueHeads: Int? {
    switch self {
    case .llama: nil
    case .mistral: 8
    case .qwen2, .qwen3: 32
    }
  }

  /// The number of columns of a head where a file names none; nil means h / H.
  var usualHeadWidth: Int? { self == .qwen3 ? 128 : nil }

  /// The attention maps that PEFT's (IA)³ scales by default.
  var usualScaledMaps: [String] {
    switch self {
    case .llama, .mistral: ["k_proj", "v_proj"]
    case .qwen2, .qwen3: ["q_proj", "v_proj"]
    }
  }
}
