import PEFTNetwork
import PEFTTensor

/// The output of a causal language model, on the rows to predict: the word table itself, or a
/// matrix [V, h] of its own.
final class CausalLanguageHead: ModelHead {
  let vocabulary: VocabularyMap?
  /// The matrix, where it is not the word table.
  private let own: Parameter?

  /// The head of a model whose output layer is its word table.
  init(table: Parameter) {
    vocabulary = VocabularyMap(table: table)
    own = nil
  }

  /// The head of a model whose output layer [V, h] is a parameter of its own.
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

  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
  }
}
