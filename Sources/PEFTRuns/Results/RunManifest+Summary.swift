import PEFTTensor

extension RunManifest {
  /// The file with the result in a few numbers, beside the manifest.
  package static let summaryName = "summary.json"

  /// The result in a few numbers, for scripts and tables: scores, baselines, what trained, and how
  /// long it took. `summary.json` holds it.
  ///
  /// `metrics` has an object for each split. The metrics of the first split, the one on which the
  /// run chose its best step, are also its direct members.
  public var summary: JSONObject {
    var metrics = self.metrics.first.flatMap { Self.json(of: $0.values).object } ?? [:]
    for (split, values) in self.metrics { metrics[split] = Self.json(of: values) }
    let rate = rates.map { JSONValue.number($0.rate) } ?? recipe?["learningRate"]
    return [
      "metrics": .object(metrics), "baseline": checks.baselineJSON,
      "warnings": checks.warningsJSON,
      "method": .string(method.label), "trainable": .integer(counts.trainable),
      "parameters": .integer(counts.parameters), "trainablePercent": .number(trainablePercent),
      "seconds": .number(outcome.seconds),
      "choosingSeconds": .number(outcome.choosingSeconds), "steps": .integer(outcome.steps),
      "tokensPerSecond": .number(outcome.tokensPerSecond),
      "bestStep": .integer(outcome.bestStep), "ending": .string(outcome.ending.rawValue),
      "learningRate": rate ?? .null,
      "searchSeconds": .number(rates?.seconds ?? 0),
    ]
  }

  /// The share of the parameters that trained, in percent.
  public var trainablePercent: Double {
    100 * Double(counts.trainable) / Double(counts.parameters)
  }
}
