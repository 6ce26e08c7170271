import PEFTTensor

/// How much the rows of each class count in the loss.
public enum ClassWeights: Hashable, Sendable {
  /// n / (C n_c) for a class with n_c of n rows, as in scikit-learn: every class counts as much as
  /// any other, and the mean over the rows is 1.
  case balanced
  /// Weights by the names of classes; 1 for classes that are not named.
  case named([String: Double])

  /// The weights that `text` says: `balanced`, or `A=2,B=0.5`; nil for anything else.
  public init?(_ text: String) {
    guard text != "balanced" else {
      self = .balanced
      return
    }
    var weights: [String: Double] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let sign = part.lastIndex(of: "="), sign > part.startIndex,
        let weight = Double(part[part.index(after: sign)...]),
        weights.updateValue(weight, forKey: String(part[..<sign])) == nil
      else { return nil }
    }
    self.init(weights)
  }

  /// The weights in the JSON object of a file, by name; nil for anything else.
  public init?(json: JSONValue) {
    guard let members = json.object?.members else { return nil }
    var weights: [String: Double] = [:]
    for (name, value) in members {
      guard let weight = value.double else { return nil }
      weights[name] = weight
    }
    self.init(weights)
  }

  private init?(_ weights: [String: Double]) {
    guard !weights.isEmpty, weights.values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      return nil
    }
    self = .named(weights)
  }

  /// `"balanced"`, or an object of numbers by name.
  package var json: JSONValue {
    switch self {
    case .balanced: return .string("balanced")
    case .named(let weights):
      var object = JSONObject()
      for (name, weight) in weights.sorted(by: { $0.key < $1.key }) {
        object[name] = .number(weight)
      }
      return .object(object)
    }
  }

  /// The first name that is not one of the classes `labels`; nil if all are.
  package func unknownName(in labels: LabelMap) -> String? {
    guard case .named(let weights) = self else { return nil }
    return weights.keys.sorted().first { labels.index(of: $0) == nil }
  }

  /// The weight of each of the classes `labels`, of which the training data have `counts` rows.
  package func weights(of labels: LabelMap, counts: [Int]) -> [Double] {
    switch self {
    case .balanced:
      let total = Double(counts.reduce(0, +))
      return counts.map { $0 == 0 ? 1 : total / (Double(counts.count) * Double($0)) }
    case .named(let weights):
      var found = labels.names.map { _ in 1.0 }
      for (name, weight) in weights {
        if let index = labels.index(of: name) { found[index] = weight }
      }
      return found
    }
  }
}
