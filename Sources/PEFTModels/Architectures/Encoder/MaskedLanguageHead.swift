import PEFTNetwork
import PEFTTensor

/// The head of encoders as masked language models, as transformers defines it for each family.
///
/// It applies a linear map, an activation and a norm to the rows to predict. The logits come from
/// the word table with a separate bias.
final class MaskedLanguageHead: ModelHead {
  let vocabulary: VocabularyMap?
  private let dense: LinearLayer
  private let norm: NormalizationLayer
  private let bias: Parameter
  private let activation: Activation
  private let prefix: String

  /// Creates the head of a model with this word table.
  init(configuration: EncoderConfiguration, table: Parameter) {
    let names = configuration.form.predictions
    let width = table.shape.columns
    prefix = names.prefix
    dense = LinearLayer(name: names.dense, inputs: configuration.hiddenSize, outputs: width)
    norm = NormalizationLayer(name: names.norm, width: width, epsilon: configuration.epsilon)
    bias = Parameter(
      name: names.bias, value: Tensor(zeros: [configuration.vocabularySize]))
    activation = names.activation ?? configuration.activation
    vocabulary = VocabularyMap(table: table, bias: bias)
  }

  func sections(stage: Int) -> [ParameterSection] {
    var section = ParameterSection(place: "predictions", prefix: prefix, stage: stage)
    section.add(dense, .feedForward)
    section.add(norm.parameters, .norm)
    section.add([bias], .bias)
    return [section]
  }

  var backboneLinearLayers: [LinearLayer] { [dense] }

  var normalizationLayers: [NormalizationLayer] { [norm] }

  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    let chosen = batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
    return norm(dense(chosen, activation: activation, on: tape), on: tape)
  }

  func output(of features: Variable, on tape: Tape) -> Variable { features }
}
