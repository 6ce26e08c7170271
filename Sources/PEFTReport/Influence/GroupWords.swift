/// Names of groups in plain words.
enum GroupWords {
  private static let kinds = [
    "feedForward": "feed-forward", "norm": "norms", "bias": "biases", "embedding": "embeddings",
    "head": "classifier",
  ]

  /// The name of a heat map's row: `LoRA r1, attention` for `lora:1 attention`.
  static func row(_ name: String) -> String {
    let words = name.split(separator: " ", maxSplits: 1).map(String.init)
    guard let first = words.first else { return name }
    let parts = first.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return kinds[name] ?? name }
    let size = parts[1]
    let candidate =
      switch parts[0] {
      case "lora": "LoRA r\(size)"
      case "speft": "\(size) elements"
      default: "\(parts[0]) \(size)"
      }
    return candidate + (words.count > 1 ? ", " + (kinds[words[1]] ?? words[1]) : "")
  }
}

extension InfluenceHeatMap {
  private static let wordLimit = 5

  /// What is chosen in words, such as `LoRA r1, attention (all layers)`; empty if nothing is.
  var chosenWords: [String] {
    let inside = zip(rows, cells).compactMap { name, cells -> String? in
      let layers = cells.enumerated().filter { ($0.element?.chosenCount ?? 0) > 0 }.map(\.offset)
      guard !layers.isEmpty else { return nil }
      let place =
        layers.count == cells.count
        ? "all layers"
        : layers.count > 6
          ? "\(layers.count) of \(cells.count) layers"
          : (layers.count == 1 ? "layer " : "layers ")
            + layers.map(String.init).joined(separator: ", ")
      return "\(GroupWords.row(name)) (\(place))"
    }
    let others = outside.filter { $0.chosenCount > 0 && !$0.isFixed }.map(\.name)
    let all = inside + others
    return all.count <= Self.wordLimit
      ? all
      : all.prefix(Self.wordLimit) + ["\(all.count - Self.wordLimit) more, which the map shows"]
  }
}
