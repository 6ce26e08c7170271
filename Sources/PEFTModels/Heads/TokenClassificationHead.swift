import PEFTNetwork
import PEFTTensor

/// The head that turns a backbone's output into class logits for each row to predict, as
/// transformers defines it for all families: W d(x) + b.
final class TokenClassificationHead: ModelHead {
  /// The map to logits.
  let output: LinearLayer
  private let dropout: Double

  /// Creates a head with a map to logits [C, h]. The default `dropout` is the one transformers uses
  /// if a configuration has none.
  init(output: LinearLayer, dropout: Double = 0.1) {
    self.output = output
    self.dropout = dropout
  }

  let vocabulary: VocabularyMap? = nil

  func sections(stage: Int) -> [ParameterSection] {
    var section = ParameterSection(place: "head", prefix: "", stage: stage)
    section.add(output.parameters, .head)
    return [section]
  }

  var backboneLinearLayers: [LinearLayer] { [] }

  var normalizationLayers: [NormalizationLayer] { [] }

  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
  }

  func output(of features: Variable, on tape: Tape) -> Variable {
    output(tape.dropout(features, probability: dropout), on: tape)
  }
}
