import PEFTTensor

/// The output of a model.
public enum ModelOutput: Hashable, Sendable {
  /// C logits, or one value, for each example; `pooling` reduces the tokens of the example to one
  /// row.
  case classes(Int, pooling: Pooling)
  /// C logits for each predicted row, such as the first token of every word.
  case tokenClasses(Int)
  /// Logits over the vocabulary for each predicted token: the next token in a causal model, a
  /// masked token in an encoder.
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

  /// The output as JSON: `{"classes":C,"pooling":…}`, `{"tokenClasses":C}` or `"vocabulary"`.
  public var json: JSONValue {
    switch self {
    case .classes(let count, let pooling):
      .object(["classes": .integer(count), "pooling": .string(pooling.rawValue)])
    case .tokenClasses(let count): .object(["tokenClasses": .integer(count)])
    case .vocabulary: .string("vocabulary")
    }
  }

  /// Creates the output that `json` describes; nil for anything else.
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
