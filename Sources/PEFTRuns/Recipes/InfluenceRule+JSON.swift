import PEFTSelect
import PEFTTensor

extension InfluenceRule {
  /// `{"rule": "newton"}`, with `reach` added for a trust region.
  package var json: JSONValue {
    var object: JSONObject = ["rule": .string(name)]
    if case .trustRegion(let reach) = self { object["reach"] = .number(reach) }
    return .object(object)
  }
}
