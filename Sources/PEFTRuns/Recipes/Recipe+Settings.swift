import PEFTTensor

extension Recipe {
  /// The name of the setting that decides the member at `place` of a recipe; nil if it is unknown.
  ///
  /// Members are named by their keys, as in `learningRate`, and those of objects by their path, as
  /// in `length.steps`.
  static func setting(at place: String) -> String? {
    let keys = place.split(separator: ".").map(String.init)
    guard let first = keys.first else { return nil }
    if let name = names[place] ?? names[first] { return name }
    // Most settings have the name of their key, in another spelling.
    return known.contains(first) ? hyphenated(keys.last ?? first) : nil
  }

  /// Settings whose names are not those of their keys.
  private static let names = [
    "length.steps": "steps", "length.epochs": "epochs", "length": "steps",
    "batches.examples": "batch-size", "batches.tokens": "batch-tokens", "batches": "batch-size",
    "maximumLength": "max-length", "trainData": "train", "devData": "dev", "testData": "test",
    "data": "train", "files": "train", "modelFiles": "model", "config.json": "model",
    "tokenizer.json": "model", "vocab.json": "model", "merges.txt": "model", "vocab.txt": "model",
    "tokenizer_config.json": "model", "tokenizerFiles": "model", "adapterAlpha": "alpha",
    "adapterConfiguration": "adapter",
    "method": "method", "heads": "heads",
  ]

  /// The keys that are settings under their own names, or hold such.
  private static let known: Set<String> = [
    "task", "learningRate", "warmup", "schedule", "weightDecay", "weightDecayOn", "clip",
    "labelSmoothing", "classWeights", "focal", "calibrate", "dropout",
    "recompute", "precision", "seed", "groupByLength", "accumulate", "atoms", "format",
    "columns",
    "chatTemplate", "pooling",
    "stride",
    "holdout",
    "evaluateEvery", "patience", "adapter", "probe", "target", "vocabularySize", "hiddenSize",
    "layers", "context", "packages", "half",
  ]

  private static func hyphenated(_ key: String) -> String {
    key.reduce(into: "") { text, character in
      if character.isUppercase { text += "-" }
      text += character.lowercased()
    }
  }
}
