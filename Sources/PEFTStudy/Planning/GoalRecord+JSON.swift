import PEFTTensor

extension GoalRecord {
  /// The record as a member of `plan.json`.
  var json: JSONValue {
    var document: JSONObject = [
      "goal": .string("\(goal)"), "metric": .string(metric), "rows": .integer(rowCount),
      "head": .integer(headParameters), "ladder": .array(ladder.map { .string($0) }),
      "chosen": .string(chosen.name), "reached": .bool(isReached),
    ]
    document["full"] = full.map { full in
      var object: JSONObject = [
        "parameters": .integer(full.parameters), "score": .number(full.score),
      ]
      object["test"] = full.test.map { .number($0) }
      return .object(object)
    }
    document["sets"] = .array(
      trials.map { trial in
        var object: JSONObject = [
          "name": .string(trial.name), "parameters": .integer(trial.parameters),
          "score": .number(trial.score), "low": .number(trial.range.lowerBound),
          "high": .number(trial.range.upperBound),
        ]
        object["test"] = trial.test.map { .number($0) }
        return .object(object)
      })
    document["testLow"] = testRange.map { .number($0.lowerBound) }
    document["testHigh"] = testRange.map { .number($0.upperBound) }
    return .object(document)
  }

  /// Reads the record of the plan at `path`.
  ///
  /// Throws `malformed` for anything that `json` could not have written.
  package init(_ document: JSONValue, path: String) throws(FileError) {
    let remedy = "adapt again"
    func wrong(_ place: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: "it is not understood", remedy: remedy)
    }
    func numbers(_ item: JSONValue, _ place: String) -> CheckedNumbers {
      CheckedNumbers(item, path: path, place: place, remedy: remedy)
    }
    let whole = numbers(document, "goal")
    guard let goal = document["goal"]?.string.flatMap({ try? Goal($0) }) else {
      throw wrong("goal.goal")
    }
    guard let metric = document["metric"]?.string else { throw wrong("goal.metric") }
    let ladder = document["ladder"]?.array?.compactMap(\.string) ?? []
    var trials: [Trial] = []
    for (index, item) in (document["sets"]?.array ?? []).enumerated() {
      let place = "goal.sets[\(index)]"
      let numbers = numbers(item, place)
      let (low, high) = (try numbers.number("low"), try numbers.number("high"))
      guard let name = item["name"]?.string, ladder.contains(name), low <= high,
        !trials.contains(where: { $0.name == name })
      else { throw wrong(place) }
      trials.append(
        Trial(
          name: name,
          parameters: try numbers.count("parameters", in: 0...CheckedNumbers.largestCount),
          score: try numbers.number("score"), test: try numbers.numberIfPresent("test"),
          range: low...high))
    }
    guard !trials.isEmpty else { throw wrong("goal.sets") }
    var full: Full?
    if let item = document["full"] {
      let numbers = numbers(item, "goal.full")
      full = Full(
        parameters: try numbers.count("parameters", in: 1...CheckedNumbers.largestCount),
        score: try numbers.number("score"), test: try numbers.numberIfPresent("test"))
    }
    guard (full != nil) == goal.isRelative else { throw wrong("goal.full") }
    self.init(
      goal: goal, metric: metric,
      rowCount: try whole.count("rows", in: 1...CheckedNumbers.largestCount),
      headParameters: try whole.count("head", in: 0...CheckedNumbers.largestCount), full: full,
      ladder: ladder, trials: trials)
    guard chosenCount > 0 else { throw wrong("goal.head") }
    if let full, full.parameters < headParameters { throw wrong("goal.full") }
    guard document["chosen"]?.string == chosen.name else { throw wrong("goal.chosen") }
    guard document["reached"]?.bool == isReached else { throw wrong("goal.reached") }
    if let low = try whole.numberIfPresent("testLow") {
      let high = try whole.number("testHigh")
      guard low <= high else { throw wrong("goal.testLow") }
      testRange = low...high
    }
  }
}
