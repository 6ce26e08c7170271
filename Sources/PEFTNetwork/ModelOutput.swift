import PEFTTensor

/// What a model puts out.
public enum ModelOutput: Hashable, Sendable {
  /// C logits for each example, or one value, from the tokens as `pooling` reads them.
  case classes(Int, pooling: Pooling)
  /// C logits for each row that is to be predicted, such as the first token of every word.
  case tokenClasses(Int)
  /// Logits over the vocabulary for each token to be predicted: the next one in a causal model, a
  /// masked one in RoBERTa and BERT.
  case vocabulary
}

extension ModelOutput {
  /// The number of logits in a row, C; nil for a vocabulary.
  public var classCount: Int? {
    switch self {
    case .classes(let count, _), .tokenClasses(let count): count
    case .vocabulary: nil
    }
  }

  /// `{"classes":C,"pooling":…}`, `{"tokenClasses":C}` or `"vocabulary"`.
  public var json: JSONValue {
    switch self {
    case .classes(let count, let pooling):
      .object(["classes": .integer(count), "pooling": .string(pooling.rawValue)])
    case .tokenClasses(let count): .object(["tokenClasses": .integer(count)])
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
    } else if let count = json["tokenClasses"]?.integer, (1...1 << 24).contains(count) {
      self = .tokenClasses(count)
    } else {
      return nil
    }
  }
}
