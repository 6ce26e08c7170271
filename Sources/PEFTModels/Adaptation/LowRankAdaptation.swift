import PEFTTensor

/// LoRA (Hu et al. 2021): the weight W of every target gets an addition s · B A of rank
/// R, and only A and B train. A is drawn uniformly from ±1/√in, B is zero, so training
/// starts at the base model.
public struct LowRankAdaptation: AdaptationMethod {
  /// `lora`.
  public static let name = "lora"

  /// R.
  public let rank: Int
  /// α; the addition is scaled by s = α / R.
  public let alpha: Double
  /// The probability of dropping an element of the addition's input.
  public let dropout: Double
  /// The last components of the paths of the linear layers to adapt, such as `query`; none stand
  /// for those that are usual for the model.
  public let targets: [String]

  /// The method. The defaults for α and targets are PEFT's habit: twice the rank; query and value
  /// in RoBERTa and BERT, the joint map onto queries, keys and values in GPT-2.
  public init(
    rank: Int = 8, alpha: Double? = nil, dropout: Double = 0, targets: [String] = []
  ) {
    precondition(rank > 0, "LowRankAdaptation: rank \(rank)")
    self.rank = rank
    self.alpha = alpha ?? Double(2 * rank)
    self.dropout = dropout
    self.targets = targets
  }

  /// The linear layers of `model` that a target names: its path is the target or ends with it after
  /// a dot.
  public static func layers(of model: TransformerModel, matching target: String) -> [LinearLayer] {
    model.backboneLinearLayers.filter {
      $0.name == target || $0.name.hasSuffix("." + target)
    }
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    (targets.isEmpty ? model.configuration.usualTargets : targets).flatMap {
      Self.layers(of: model, matching: $0)
    }
  }

  /// Freezes the backbone and adds A and B to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.attachLowRank(
        rank: rank, scale: alpha / Double(rank), dropout: dropout, using: generator)
    }
    let added = Set(
      model.backboneLinearLayers.compactMap(\.lowRank).flatMap { [$0.down, $0.up] })
    model.train { added.contains($0) }
  }

  /// W ← W + s B A for every target.
  public func merge(into model: TransformerModel) {
    for layer in model.backboneLinearLayers { layer.mergeLowRank() }
  }

  /// Takes A and B off.
  public func detach(from model: TransformerModel) {
    for layer in model.backboneLinearLayers { layer.lowRank = nil }
  }
}
