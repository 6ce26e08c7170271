import PEFTNetwork
import PEFTReport
import PEFTSelect
import TestSupport

/// A small encoder's groups by kind and layer, including adapters, with seeded influences.
struct ReportExample {
  let layerCount: Int
  let scores: [GroupScore]
  let total: Int

  init(layerCount: Int = 12, seed: UInt64 = 1, prefix: String = "") {
    var random = SeededRandom(seed)
    let width = 384
    let kinds: [(ParameterKind, Int, Double)] = [
      (.attention, 4 * width * width, 3e-8), (.feedForward, 8 * width * width, 1.5e-8),
      (.norm, 4 * width, 4e-6), (.bias, 9 * width, 9e-7),
    ]
    var scores: [GroupScore] = []
    var total = 0
    func add(_ name: String, _ kind: ParameterKind, _ layer: Int?, _ count: Int, _ density: Double)
    {
      let value = density * Double(count) * .random(in: 0.2...2, using: &random)
      let signal = Double.random(in: -3...14, using: &random)
      let verdict: GroupInfluence.Verdict =
        signal > 2 ? .certain : signal < -2 ? .rising : .uncertain
      if kind != .adapter { total += count }
      scores.append(
        GroupScore(
          name: prefix + name, kind: kind, layer: layer, parameterCount: count,
          slope: signal * value, slopeError: value, value: signal > 0 ? value : 0,
          valueError: value / 8, verdict: verdict))
    }
    add("embeddings.embedding", .embedding, nil, 30522 * width, 1e-10)
    add("embeddings.norm", .norm, nil, 2 * width, 3e-6)
    for layer in 0..<layerCount {
      let depth = 0.05 + Double(layer) / Double(layerCount)
      for (kind, count, density) in kinds {
        add("layer.\(layer).\(kind.rawValue)", kind, layer, count, density * depth)
      }
    }
    add("pooler.attention", .attention, nil, width * width, 2e-8)
    add("pooler.bias", .bias, nil, width, 1e-6)
    add("head", .head, nil, 2 * width + 2, 1e-4)
    for layer in 0..<layerCount {
      for rank in [4, 16] {
        for (kind, sides) in [("attention", 8), ("feedForward", 10)] {
          add(
            "lora:\(rank)@\(prefix)layer.\(layer).\(kind)", .adapter, layer, rank * sides * width,
            4e-7 * (0.1 + Double(layer) / Double(layerCount)) / Double(rank).squareRoot())
        }
      }
    }
    (self.layerCount, self.scores, self.total) = (layerCount, scores, total)
  }

  /// The certain groups that fit into `budget`, taken in order of density, densest first.
  func chosen(within budget: Int) -> [GroupScore] {
    var left = budget
    return scores.filter { $0.verdict == .certain && !$0.isFixed && $0.kind != .adapter }
      .sorted { $0.perParameter > $1.perParameter }
      .filter { score in
        guard score.parameterCount <= left else { return false }
        left -= score.parameterCount
        return true
      }
  }

  /// The parameters and values of the prefixes of the order by density.
  var points: [(parameters: Int, value: Double)] {
    var sum = (parameters: 0, value: 0.0)
    return chosen(within: .max).map { score in
      sum.parameters += score.parameterCount
      sum.value += score.value
      return sum
    }
  }

  func report(budget: Int, label: (String) -> String = { $0 }) -> SelectionReport {
    let chosen = chosen(within: budget)
    let value = chosen.reduce(0) { $0 + $1.value }
    let points = points
    let marks = [("chosen", 1.0, 1.0), ("BitFit", 1.9, 0.6), ("LoRA r=8 q,v", 4, 0.7)].map {
      (label: label($0.0), parameters: Int(Double(budget) * $0.1), value: value * $0.2)
    }
    var random = SeededRandom(7)
    let rows = [
      ("chosen by peft", budget, 0.905), ("LoRA r=8 q,v", 4 * budget, 0.901),
      ("BitFit", 2 * budget, 0.893), ("full fine-tuning", total, 0.909),
      ("head only", 770, 0.842),
    ].map { name, count, score in
      ScoreChart.Row(
        label: label(name), parameters: count,
        scores: (0..<5).map { _ in score + .random(in: -0.006...0.006, using: &random) },
        seconds: 61.5, isOurs: name.hasPrefix("chosen"))
    }
    return SelectionReport(
      modelName: label("minilm"), totalParameters: total, fixedParameters: 770, budget: budget,
      chosen: chosen, value: value, largestValue: points.last?.value ?? 0,
      upperBound: value * 1.02, isProvenOptimal: false,
      heatMap: InfluenceHeatMap(
        scores, layerCount: layerCount, chosen: Set(chosen.map(\.name))),
      frontier: FrontierChart(points: points, marks: marks, total: total),
      comparison: ScoreChart(rows: rows, scoreName: label("accuracy"), total: total),
      facts: [(label("Probes"), "24 of 32 examples")], environment: [(label("peft"), "0")])
  }
}
