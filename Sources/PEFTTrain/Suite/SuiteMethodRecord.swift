import PEFTSelect
import PEFTTensor

/// How the recipe of a suite's run says what trained, where that is not a method of the command.
enum SuiteMethodRecord {
  /// `{"lastLayers": 2}`.
  static func lastLayers(_ count: Int) -> JSONValue { .object(["lastLayers": .integer(count)]) }

  /// `{"groups": ["query.0", "value.0"]}`.
  static func groups(_ names: [String]) -> JSONValue {
    .object(["groups": .array(names.map { .string($0) })])
  }

  /// `{"solver": "exact"}`, with `predictor` or `value` where groups are not valued as the probe
  /// was asked to.
  static func selection(
    predictor: String? = nil, rule: InfluenceRule? = nil, solver: ComparisonSuite.Solver
  ) -> JSONValue {
    var object: JSONObject = ["solver": .string(solver.rawValue)]
    object["predictor"] = predictor.map { .string($0) }
    object["value"] = rule?.json
    return .object(object)
  }
}
