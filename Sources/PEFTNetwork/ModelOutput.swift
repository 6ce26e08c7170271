import PEFTTensor

/// The output of a model.
public enum ModelOutput: Hashable, Sendable {
  /// C logits, or one value, for each example; `pooling` reduces the tokens of the example to one
  /// row.
  case classes(Int, pooling: Pooling)
  /// C logits for each predicted row, such as the first token of every word.
  case tokenClasses(Int)
  /// How alike the two texts of each pair are. `pooling` reduces the tokens of each text to one
  /// row, its embedding.
  case pairs(PairScoring, pooling: Pooling)
  /// Logits over the vocabulary for each predicted token: the next token in a causal model, a
  /// masked token in an encoder.
  case vocabulary
}

/// What a model computes of B pairs of texts with the embeddings u_i and v_i.
public enum PairScoring: Hashable, Sendable {
  /// The cosine of each pair, cos(u_i, v_i): one number for each.
  case cosine
  /// The logits s cos(u_i, v_j) of every first text with every second text of the batch, of which
  /// the i-th belongs to the i-th: multiple-negatives ranking with the scale s (Henderson et al.
  /// 2017).
  case ranking(scale: Double)
}

extension ModelOutput {
  /// The number of logits in a row, C; nil for a vocabulary, and for a ranking, in which it is the
  /// number of pairs of the batch.
  public var classCount: Int? {
    switch self {
    case .classes(let count, _), .tokenClasses(let count): count
    case .pairs(.cosine, _): 1
    case .pairs(.ranking, _), .vocabulary: nil
    }
  }

  /// The output as JSON: `{"classes":C,"pooling":…}`, `{"tokenClasses":C}`,
  /// `{"pairs":"cosine","pooling":…}`, `{"pairs":s,"pooling":…}` with the scale of a ranking, or
  /// `"vocabulary"`.
  public var json: JSONValue {
    switch self {
    case .classes(let count, let pooling):
      .object(["classes": .integer(count), "pooling": .string(pooling.rawValue)])
    case .tokenClasses(let count): .object(["tokenClasses": .integer(count)])
    case .pairs(let scoring, let pooling):
      .object(["pairs": scoring.json, "pooling": .string(pooling.rawValue)])
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
    } else if let scoring = json["pairs"].flatMap(PairScoring.init(json:)),
      let pooling = json["pooling"]?.string.flatMap(Pooling.init(rawValue:))
    {
      self = .pairs(scoring, pooling: pooling)
    } else if let count = json["tokenClasses"]?.integer, (1...1 << 24).contains(count) {
      self = .tokenClasses(count)
    } else {
      return nil
    }
  }
}

extension PairScoring {
  /// `"cosine"`, or the scale of a ranking.
  fileprivate var json: JSONValue {
    switch self {
    case .cosine: .string("cosine")
    case .ranking(let scale): .number(scale)
    }
  }

  /// The scoring that `json` describes; nil for anything else.
  fileprivate init?(json: JSONValue) {
    if json.string == "cosine" {
      self = .cosine
    } else if let scale = json.double, scale.isFinite, scale > 0 {
      self = .ranking(scale: scale)
    } else {
      return nil
    }
  }
}
