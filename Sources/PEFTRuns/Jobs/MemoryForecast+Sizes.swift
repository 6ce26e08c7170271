import PEFTModels

/// Forecasts from sizes alone, before any weight is in memory.
extension MemoryForecast {
  /// The memory for loading a model.
  init(loading configuration: ModelConfiguration) {
    self.init(of: "loading the model", remedy: "use a smaller model")
    self[.weights] = Int(saturating: 4 * configuration.matrixElements)
  }

  /// The number of values that the tape of a step holds per token, hidden unit and layer: the
  /// inputs of the linear maps and norms, queries, keys and values, and the inner layer before and
  /// after its activation.
  private static let savedWidths = 16.0

  /// The memory for training all parameters of a new model on batches of up to `tokens` tokens.
  ///
  /// - Parameter keepsBest: whether the run evaluates, and so keeps a copy of the best parameters.
  init(pretraining configuration: ModelConfiguration, tokens: Int, keepsBest: Bool) {
    self.init(
      of: "pretraining",
      remedy: "lower `hidden-size`, `layers`, `vocabulary-size` or `batch-tokens`")
    let weights = 4 * configuration.matrixElements
    self[.weights] = Int(saturating: weights)
    self[.gradients] = Int(saturating: weights)
    self[.optimizer] = Int(saturating: 2 * weights)
    if keepsBest { self[.bestCopy] = Int(saturating: weights) }
    let places = Double(configuration.layerCount) * Double(tokens)
    self[.activations] = Int(
      saturating: 4 * Self.savedWidths * Double(configuration.hiddenSize) * places)
  }
}
