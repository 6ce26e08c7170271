import PEFTSelect
import PEFTTensor

/// How the recipe of a suite's run says what trained, where that is not a method of the command.
package enum SuiteMethodRecord {
  /// `{"lastLayers": 2}`.
  package static func lastLayers(_ count: Int) -> JSONValue {
    .object(["lastLayers": .integer(count)])
  }

  /// `{"groups": ["query.0", "value.0"]}`.
  package static func groups(_ names: [String]) -> JSONValue {
    .object(["groups": .array(names.map { .string($0) })])
  }

  /// `{"solver": "exact"}`, with `predictor` or `value` where groups are not valued as the probe
  /// was asked to.
  package static func selection(
    predictor: String? = nil, rule: InfluenceRule? = nil, solver: SelectionSolver
  ) -> JSONValue {
    var object: JSONObject = ["solver": .string(solver.rawValue)]
    object["predictor"] = predictor.map { .string($0) }
    object["value"] = rule?.json
    return .object(object)
  }
}
