import PEFTNetwork

/// What files call a model and its parameters.
///
/// A parameter is called as transformers' models with an output call it. A *bare* name is one
/// without the prefix of the backbone.
public struct CheckpointNaming: Sendable {
  /// What names of the backbone begin with, such as `transformer.`; checkpoints of a backbone alone
  /// leave it out.
  public var prefix: String
  /// The output layer of a language model, such as `lm_head`: files may hold its weight a second
  /// time where it is the word table, and its bias where that has another name.
  public var outputLayer: String
  /// The weights [C, h] of the last map of a classifier, which tell a checkpoint of one.
  public var classifierWeights: [String]
  /// The weight [C, h] of a classifier of tokens.
  public var tokenClassifierWeight: String
  /// The class of transformers that is a classifier.
  public var classifierClass: String
  /// The class of transformers that classifies tokens.
  public var tokenClassifierClass: String
  /// The class of transformers that is a language model.
  public var languageClass: String
  /// Whether a checkpoint may have a tensor of this bare name that the model has no use for, such
  /// as a buffer or the head of another task.
  public var ignores: @Sendable (_ bareName: String) -> Bool

  /// The names of one family.
  public init(
    prefix: String, outputLayer: String, classifierWeights: [String],
    tokenClassifierWeight: String, classifierClass: String,
    tokenClassifierClass: String, languageClass: String,
    ignores: @escaping @Sendable (_ bareName: String) -> Bool
  ) {
    self.prefix = prefix
    self.outputLayer = outputLayer
    self.classifierWeights = classifierWeights
    self.tokenClassifierWeight = tokenClassifierWeight
    self.classifierClass = classifierClass
    self.tokenClassifierClass = tokenClassifierClass
    self.languageClass = languageClass
    self.ignores = ignores
  }

  /// The class of transformers that is a model with this output.
  public func className(for output: ModelOutput) -> String {
    switch output {
    case .classes: classifierClass
    case .tokenClasses: tokenClassifierClass
    case .vocabulary: languageClass
    }
  }

  /// `name` without the prefix of the backbone.
  func bare(_ name: String) -> String {
    name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  /// The names under which published checkpoints hold the parameter `name`.
  func candidates(for name: String) -> [String] {
    let names = bare(name) == name ? [name] : [name, bare(name)]
    return names + names.compactMap(Self.oldNormName)
  }

  private static func oldNormName(_ name: String) -> String? {
    if name.hasSuffix("LayerNorm.weight") { return name.dropLast(6) + "gamma" }
    if name.hasSuffix("LayerNorm.bias") { return name.dropLast(4) + "beta" }
    return nil
  }
}
