import PEFTTensor

/// A rule for which parameters train. The task head always does.
///
/// A method's life: `attach` marks the parameters that train and adds its own; `merge` folds what
/// was added into the weights; `detach` takes it off again without folding it in.
public protocol AdaptationMethod: Sendable {
  /// The name on the command line and in files.
  static var name: String { get }

  /// Freezes all but what this method trains, and adds what it needs.
  func attach(to model: TransformerModel, using generator: SeededGenerator)

  /// Folds what was added into the weights.
  func merge(into model: TransformerModel)

  /// Takes off what was added; the weights stay as they are.
  func detach(from model: TransformerModel)
}

extension AdaptationMethod {
  /// The name on the command line and in files.
  public var name: String { Self.name }

  /// Nothing was added.
  public func merge(into model: TransformerModel) {}

  /// Nothing was added.
  public func detach(from model: TransformerModel) {}
}

extension TransformerModel {
  /// Makes trainable the head and what `rule` accepts, all rows of it, and nothing else.
  func train(where rule: (Parameter) -> Bool) {
    for entry in parameters {
      entry.parameter.isTrainable = entry.kind == .head || rule(entry.parameter)
      entry.parameter.trainableRows = nil
    }
  }
}
