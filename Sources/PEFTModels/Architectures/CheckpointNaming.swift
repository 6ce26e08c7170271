import PEFTNetwork

/// The names of a model and its parameters in files.
///
/// Parameters have the names that transformers uses for models with an output. A *bare* name lacks
/// the prefix of the backbone.
public struct CheckpointNaming: Sendable {
  /// The prefix of the backbone's names, such as `transformer.`. Checkpoints of a backbone alone
  /// leave it out.
  public var prefix: String
  /// The outermost modules of the backbone, such as `h`. In a checkpoint of a backbone alone, only
  /// the names of its tensors tell it from others.
  public var modules: [String]
  /// The output layer of a language model, such as `lm_head`. Files may hold its weight a second
  /// time if it is the word table, and its bias if that has another name.
  public var outputLayer: String
  /// The weights [C, h] of the last map of a classifier, by which a classifier's checkpoint is
  /// recognised.
  public var classifierWeights: [String]
  /// The weight [C, h] of a token classifier.
  public var tokenClassifierWeight: String
  /// The transformers class of a text classifier.
  public var classifierClass: String
  /// The transformers class of a token classifier.
  public var tokenClassifierClass: String
  /// The transformers class of a language model.
  public var languageClass: String
  /// Whether a checkpoint may contain a tensor of this bare name that the model does not use, such
  /// as a buffer or the head of another task. Tensors outside the backbone may have any name.
  public var ignores: @Sendable (_ bareName: String) -> Bool

  /// Creates the names of one family.
  public init(
    prefix: String, modules: [String], outputLayer: String, classifierWeights: [String],
    tokenClassifierWeight: String, classifierClass: String,
    tokenClassifierClass: String, languageClass: String,
    ignores: @escaping @Sendable (_ bareName: String) -> Bool
  ) {
    self.prefix = prefix
    self.modules = modules
    self.outputLayer = outputLayer
    self.classifierWeights = classifierWeights
    self.tokenClassifierWeight = tokenClassifierWeight
    self.classifierClass = classifierClass
    self.tokenClassifierClass = tokenClassifierClass
    self.languageClass = languageClass
    self.ignores = ignores
  }

  /// The transformers class of the backbone alone.
  public var backboneClass: String {
    classifierClass.replacing("ForSequenceClassification", with: "Model")
  }

  /// The transformers class of a model with this output.
  public func className(for output: ModelOutput) -> String {
    switch output {
    case .classes: classifierClass
    case .tokenClasses: tokenClassifierClass
    case .vocabulary: languageClass
    case .pairs: backboneClass
    }
  }

  /// `name` without the prefix of the backbone.
  package func bare(_ name: String) -> String {
    name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  /// Whether a bare name is that of a tensor of the backbone.
  func isOfBackbone(_ bareName: String) -> Bool {
    modules.contains { bareName.prefix { $0 != "." } == $0 }
  }

  /// Whether a checkpoint's tensor `name` is part of the backbone.
  ///
  /// - Parameter isBare: whether the checkpoint's names lack the prefix of the backbone.
  func isOfBackbone(_ name: String, isBare: Bool) -> Bool {
    if !prefix.isEmpty, name.hasPrefix(prefix) { return true }
    return (isBare || prefix.isEmpty) && isOfBackbone(name)
  }

  /// The names that published checkpoints may use for the parameter `name`.
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
