import PEFTNetwork
import PEFTTensor

/// The head of a causal language model, applied to the rows to predict: the word table itself, or a
/// separate matrix [V, h].
final class CausalLanguageHead: ModelHead {
  let vocabulary: VocabularyMap?
  /// The separate matrix; nil if the head uses the word table.
  private let own: Parameter?

  /// Creates the head of a model whose output layer is its word table.
  init(table: Parameter) {
    vocabulary = VocabularyMap(table: table)
    own = nil
  }

  /// Creates the head of a model whose output layer [V, h] is a separate parameter.
  init(own: Parameter) {
    vocabulary = VocabularyMap(table: own)
    self.own = own
  }

  func sections(stage: Int) -> [ParameterSection] {
    guard let own else { return [] }
    var section = ParameterSection(place: "output", prefix: "", stage: stage)
    section.add([own], .embedding)
    return [section]
  }

  var backboneLinearLayers: [LinearLayer] { [] }

  var normalizationLayers: [NormalizationLayer] { [] }

  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
  }

  func output(of features: Variable, on tape: Tape) -> Variable { features }
}
