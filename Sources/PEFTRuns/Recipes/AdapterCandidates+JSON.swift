import PEFTNetwork
import PEFTSelect
import PEFTTensor

extension AdapterCandidates {
  /// `{"ranks": [4, 8], "elements": [64], "targets": ["query"]}`; without `targets`, every linear
  /// weight is a target. `elements` and `narrowTargets` are there if there are any.
  package var json: JSONValue {
    var object: JSONObject = ["ranks": .array(ranks.map { .integer($0) })]
    if !elements.isEmpty { object["elements"] = .array(elements.map { .integer($0) }) }
    object["targets"] = targets.map { .array($0.map { .string($0) }) }
    object["narrowTargets"] = narrowTargets.map { .array($0.map { .string($0) }) }
    return .object(object)
  }

  /// The candidates that `json` describes; nil for anything else.
  package init?(json: JSONValue) {
    let ranks = json["ranks"]?.array?.map { $0.integer ?? 0 } ?? []
    let elements = json["elements"]?.array?.map { $0.integer ?? 0 } ?? []
    guard !(ranks + elements).isEmpty, ranks.allSatisfy((1...Self.rankLimit).contains),
      elements.allSatisfy((1...Self.elementLimit).contains)
    else { return nil }
    func names(_ key: String) -> [String]?? {
      guard let value = json[key] else { return .some(nil) }
      let names = value.array?.map { $0.string ?? "" } ?? []
      return names.isEmpty || names.contains("") ? nil : names
    }
    guard let targets = names("targets"), let narrow = names("narrowTargets") else { return nil }
    self.init(ranks: ranks, elements: elements, targets: targets)
    narrowTargets = narrow
  }
}
