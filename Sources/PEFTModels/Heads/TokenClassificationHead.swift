import PEFTNetwork
import PEFTTensor

/// What turns a backbone's output into the logits of classes for each row to predict, as
/// transformers defines it for all families: W d(x) + b.
final class TokenClassificationHead: ModelHead {
  private let output: LinearLayer
  private let dropout: Double

  /// A head with a map to logits [C, h]; `dropout` is that of transformers where a configuration
  /// names none.
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

  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    let rows = batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
    return output(tape.dropout(rows, probability: dropout), on: tape)
  }
}
