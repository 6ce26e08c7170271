import PEFTTensor

extension TrainingLength {
  /// `{"epochs": 3.0}` or `{"steps": 9}`.
  package var json: JSONValue {
    switch self {
    case .epochs(let count): .object(["epochs": .number(count)])
    case .steps(let count): .object(["steps": .integer(count)])
    }
  }
}
