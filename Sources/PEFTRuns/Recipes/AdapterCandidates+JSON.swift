import PEFTNetwork
import PEFTSelect
import PEFTTensor

extension AdapterCandidates {
  /// `{"ranks": [4, 8], "targets": ["query"]}`; without `targets`, every linear weight is a target.
  package var json: JSONValue {
    var object: JSONObject = ["ranks": .array(ranks.map { .integer($0) })]
    object["targets"] = targets.map { .array($0.map { .string($0) }) }
    return .object(object)
  }

  /// The candidates that `json` describes; nil for anything else.
  package init?(json: JSONValue) {
    let ranks = json["ranks"]?.array?.map { $0.integer ?? 0 } ?? []
    guard !ranks.isEmpty, ranks.allSatisfy((1...Self.rankLimit).contains) else { return nil }
    guard let targets = json["targets"] else {
      self.init(ranks: ranks)
      return
    }
    let names = targets.array?.map { $0.string ?? "" } ?? []
    guard !names.isEmpty, !names.contains("") else { return nil }
    self.init(ranks: ranks, targets: names)
  }
}
