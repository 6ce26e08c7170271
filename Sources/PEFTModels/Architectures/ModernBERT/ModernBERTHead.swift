import PEFTNetwork
import PEFTTensor

/// The head of ModernBERT: a linear map, an activation and a norm that all kinds of outputs share
/// and that belong to the pretrained model, followed by a classifier or the word table.
///
///     texts:      W_c d(N(f(W x_pooled))) + b
///     tokens:     W_c d(N(f(W x))) + b
///     vocabulary: E N(f(W x)) + b
final class ModernBERTHead: ModelHead {
  private enum End {
    case texts(LinearLayer, Pooling)
    case tokens(LinearLayer)
    case vocabulary(VocabularyMap)
  }

  static let outputLayer = "decoder"
  private let dense: LinearLayer
  private let norm: NormalizationLayer
  private let end: End
  private let configuration: ModernBERTConfiguration

  /// Creates the head of a model with this word table whose maps are all zero.
  init(_ output: ModelOutput, configuration: ModernBERTConfiguration, table: Parameter) {
    self.configuration = configuration
    let hidden = configuration.hiddenSize
    dense = LinearLayer(
      name: "head.dense", inputs: hidden, outputs: hidden, hasBias: configuration.hasHeadBias)
    norm = configuration.norm("head.norm")
    func classifier(_ count: Int) -> LinearLayer {
      LinearLayer(name: "classifier", inputs: hidden, outputs: count)
    }
    switch output {
    case .classes(let count, let pooling): end = .texts(classifier(count), pooling)
    case .tokenClasses(let count): end = .tokens(classifier(count))
    case .pairs: preconditionFailure("ModernBERTHead: pairs are scored by their embeddings")
    case .vocabulary:
      let bias = Parameter(
        name: Self.outputLayer + ".bias", value: Tensor(zeros: [table.shape.rows]))
      end = .vocabulary(
        VocabularyMap(table: table, bias: configuration.hasOutputBias ? bias : nil))
    }
  }

  var vocabulary: VocabularyMap? {
    if case .vocabulary(let map) = end { map } else { nil }
  }

  var outputBias: Parameter? { classifier?.bias }

  private var classifier: LinearLayer? {
    switch end {
    case .texts(let classifier, _), .tokens(let classifier): classifier
    case .vocabulary: nil
    }
  }

  func sections(stage: Int) -> [ParameterSection] {
    var section = ParameterSection(place: "predictions", prefix: "head.", stage: stage)
    section.add(dense, .feedForward)
    section.add(norm.parameters, .norm)
    if let bias = vocabulary?.bias { section.add([bias], .bias) }
    guard let classifier else { return [section] }
    var task = ParameterSection(place: "head", prefix: "", stage: stage)
    task.add(classifier.parameters, .head)
    return [section, task]
  }

  var backboneLinearLayers: [LinearLayer] { [dense] }

  var normalizationLayers: [NormalizationLayer] { [norm] }

  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    let rows: Variable =
      if case .texts(_, let pooling) = end {
        tape.pool(x, pooling)
      } else {
        batch.predictedRows.map { tape.rows(x, at: $0) } ?? x
      }
    return norm(dense(rows, activation: configuration.headActivation, on: tape), on: tape)
  }

  func output(of features: Variable, on tape: Tape) -> Variable {
    classifier.map {
      $0(tape.dropout(features, probability: configuration.classifierDropout), on: tape)
    } ?? features
  }
}
