import PEFTNetwork
import PEFTTensor

/// What a model puts out.
public enum ModelOutput: Hashable, Sendable {
  /// C logits for each example, or one value, from the tokens as `pooling` reads them.
  case classes(Int, pooling: Pooling)
  /// Logits over the vocabulary for each token to be predicted: the next one in GPT-2, a hidden one
  /// in RoBERTa and BERT.
  case vocabulary
}

/// The part of a model above its backbone.
protocol ModelHead: AnyObject {
  /// Its parameters in the order of computation; those of what is new with every task
  /// are of the kind `head`.
  func sections(stage: Int) -> [ParameterSection]

  /// The linear maps that belong to the pretrained model; adapters may attach to them.
  var backboneLinearLayers: [LinearLayer] { get }

  /// The norms of the head.
  var normalizationLayers: [NormalizationLayer] { get }

  /// What the tokens become, [T, h] → logits [B, C], or the last hidden states [N, h] of
  /// the rows to predict.
  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable

  /// The map from hidden states to logits, where the output is a vocabulary.
  var vocabulary: VocabularyMap? { get }
}

extension ModelOutput {
  /// `{"classes":C,"pooling":…}` or `"vocabulary"`.
  public var json: JSONValue {
    switch self {
    case .classes(let count, let pooling):
      .object(["classes": .integer(count), "pooling": .string(pooling.rawValue)])
    case .vocabulary: .string("vocabulary")
    }
  }

  /// The output that `json` describes; nil for anything else.
  public init?(json: JSONValue) {
    if json.string == "vocabulary" {
      self = .vocabulary
    } else if let count = json["classes"]?.integer, (1...1 << 24).contains(count),
      let pooling = json["pooling"]?.string.flatMap(Pooling.init(rawValue:))
    {
      self = .classes(count, pooling: pooling)
    } else {
      return nil
    }
  }
}
