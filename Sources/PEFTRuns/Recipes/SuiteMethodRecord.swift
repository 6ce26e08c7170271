import PEFTSelect
import PEFTTensor

/// The form in which a suite run's recipe records what trained if it is not a method of the
/// command.
package enum SuiteMethodRecord {
  /// `{"lastLayers": 2}`.
  package static func lastLayers(_ count: Int) -> JSONValue {
    .object(["lastLayers": .integer(count)])
  }

  /// `{"groups": ["query.0", "value.0"]}`.
  package static func groups(_ names: [String]) -> JSONValue {
    .object(["groups": .array(names.map { .string($0) })])
  }

  /// `{"measured": {"probeShare": 0.25, "warmsUp": true}}`.
  package static func measured(probeShare: Double?, warmsUp: Bool) -> JSONValue {
    var object: JSONObject = ["warmsUp": .bool(warmsUp)]
    object["probeShare"] = probeShare.map { .number($0) }
    return .object(["measured": .object(object)])
  }

  /// `{"solver": "exact"}`, with `predictor` or `value` if groups are valued differently from the
  /// probe's settings.
  package static func selection(
    predictor: String? = nil, rule: InfluenceRule? = nil, solver: SelectionSolver
  ) -> JSONValue {
    var object: JSONObject = ["solver": .string(solver.rawValue)]
    object["predictor"] = predictor.map { .string($0) }
    object["value"] = rule?.json
    return .object(object)
  }
}
