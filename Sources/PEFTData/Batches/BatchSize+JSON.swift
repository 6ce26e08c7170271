import PEFTTensor

extension BatchSize {
  /// `{"examples": 32}` or `{"tokens": 4096}`.
  package var json: JSONValue {
    switch self {
    case .examples(let count): .object(["examples": .integer(count)])
    case .tokens(let count): .object(["tokens": .integer(count)])
    }
  }
}
