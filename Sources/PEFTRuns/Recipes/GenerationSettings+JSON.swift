import PEFTModels
import PEFTTensor

extension GenerationSettings {
  /// All settings by name; `strategy` is an object as in `Strategy.json`.
  var json: JSONValue {
    var object: JSONObject = [
      "strategy": strategy.json, "maximumNewTokens": .integer(maximumNewTokens),
      "seed": .string(String(seed)), "batchSize": .integer(batchSize),
    ]
    object["blockedRepeat"] = blockedRepeat.map { .integer($0) }
    return .object(object)
  }
}

extension GenerationSettings.Strategy {
  /// `{"name": "greedy"}`, or `sampling` or `beams` with their parameters.
  fileprivate var json: JSONValue {
    switch self {
    case .greedy: return .object(["name": .string("greedy")])
    case .sampling(let temperature, let topK, let topP):
      var object: JSONObject = [
        "name": .string("sampling"), "temperature": .number(temperature),
      ]
      object["topK"] = topK.map { .integer($0) }
      object["topP"] = topP.map { .number($0) }
      return .object(object)
    case .beams(let width, let lengthPenalty, let stopsEarly):
      return .object([
        "name": .string("beams"), "width": .integer(width),
        "lengthPenalty": .number(lengthPenalty), "stopsEarly": .bool(stopsEarly),
      ])
    }
  }
}
