import PEFTNetwork
import PEFTReport
import PEFTSelect
import PEFTTensor
import TestSupport
import Testing

@Suite("Heat maps of influence")
struct InfluenceHeatMapTests {
  private static let shades: [Character] = ["░", "▒", "▓", "█"]

  private func score(
    _ name: String, _ kind: ParameterKind = .bias, layer: Int? = nil, count: Int = 10,
    value: Double = 1, error: Double = 0.1, slope: Double = 1,
    verdict: GroupInfluence.Verdict = .certain
  ) -> GroupScore {
    GroupScore(
      name: name, kind: kind, layer: layer, parameterCount: count, slope: slope, slopeError: 0.1,
      value: value, valueError: error, verdict: verdict)
  }

  @Test("groups of one cell add up: values, parameters, errors in quadrature")
  func sums() throws {
    let map = InfluenceHeatMap(
      [
        score("a", .norm, layer: 1, count: 30, value: 6, error: 3),
        score("b", .norm, layer: 1, count: 10, value: 2, error: 4),
      ], layerCount: 2, chosen: ["b"])
    #expect(map.rows == ["norm"] && map.cells[0][0] == nil)
    let cell = try #require(map.cells[0][1])
    #expect(cell.groupCount == 2 && cell.chosenCount == 1 && cell.parameterCount == 40)
    #expect(cell.value == 8 && cell.perParameter == 0.2 && cell.valueError == 5)
    #expect(cell.perParameterError == 0.125)
  }

  @Test("several groups are certain if the sum of their slopes is")
  func verdicts() {
    func verdict(_ groups: [(slope: Double, verdict: GroupInfluence.Verdict)])
      -> GroupInfluence.Verdict?
    {
      InfluenceHeatMap(
        groups.enumerated().map { index, group in
          score("\(index)", layer: 0, slope: group.slope, verdict: group.verdict)
        }, layerCount: 1
      ).cells[0][0]?.verdict
    }
    #expect(verdict([(0.15, .uncertain)]) == .uncertain)
    #expect(verdict(Array(repeating: (0.15, .uncertain), count: 2)) == .certain)
    #expect(verdict([(0.5, .certain), (-0.5, .rising)]) == .uncertain)
    #expect(verdict([(0.3, .certain), (-0.5, .rising)]) == .uncertain)
    #expect(verdict([(-0.1, .uncertain), (-0.5, .rising)]) == .rising)
    #expect(verdict([(0, .flat), (0, .flat)]) == .flat)
    #expect(verdict([(9, .unfitted), (9, .unfitted)]) == .unfitted)
    #expect(verdict([(9, .unfitted), (0, .flat)]) == .flat)
  }

  @Test("adapters have a row for each rank and kind of weight; groups outside layers are listed")
  func rows() throws {
    func parameter(_ name: String, _ kind: ParameterKind, _ place: String, _ layer: Int?)
      -> ModelParameter
    {
      ModelParameter(
        Parameter(name: name, value: Tensor(Array(repeating: 0, count: 6), shape: [3, 2])),
        kind: kind, place: place, layer: layer, role: name, stage: 0)
    }
    let parameters = [
      parameter("embeddings.word.weight", .embedding, "embeddings", nil),
      parameter("layer.0.query.weight", .attention, "layer.0", 0),
      parameter("layer.0.up.weight", .feedForward, "layer.0", 0),
      parameter("pooler.weight", .feedForward, "pooler", nil),
      parameter("head.weight", .head, "head", nil),
    ]
    for rule in [GroupingRule.kindByLayer, .tensor] {
      let groups = try ParameterGrouping(
        parameters, by: rule, candidates: AdapterCandidates(ranks: [16, 8])
      ).groups
      let map = InfluenceHeatMap(
        groups.map {
          score($0.name, $0.kind, layer: $0.layer, count: $0.parameterCount)
        }, layerCount: 1)
      #expect(
        map.rows == [
          "attention", "feedForward", "lora:8 attention", "lora:8 feedForward", "lora:16 attention",
          "lora:16 feedForward",
        ])
      #expect(map.outside.count == 5, "with the pooler's two adapters")
    }
    var narrow = AdapterCandidates(ranks: [8])
    narrow.narrowTargets = ["query"]
    let both = try ParameterGrouping(
      parameters + [parameter("layer.0.key.weight", .attention, "layer.0", 0)],
      by: .kindByLayer, candidates: narrow
    ).groups
    #expect(
      InfluenceHeatMap(both.map { score($0.name, $0.kind, layer: $0.layer) }, layerCount: 1).rows
        == ["attention", "feedForward", "lora:8 attention", "lora:8 query", "lora:8 feedForward"])
    let rows = try ParameterGrouping(parameters, by: .row).groups
    let map = InfluenceHeatMap(
      rows.map { score($0.name, $0.kind, layer: $0.layer, count: $0.parameterCount) },
      layerCount: 1)
    #expect(map.outside.map(\.name) == ["embeddings.word.weight", "pooler.weight", "head"])
    #expect(map.outside.map(\.groupCount) == [3, 3, 1])
  }

  @Test("a larger influence never has a lighter shade", arguments: 1...4 as ClosedRange<UInt64>)
  func monotone(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let values = (0..<24).map { _ in Double.random(in: 1e-9...1e-4, using: &random) }.sorted()
    let map = InfluenceHeatMap(
      values.enumerated().map { score("\($0)", layer: $0, count: 1, value: $1) },
      layerCount: values.count)
    let line = try #require(map.lines(width: 80, colour: false).first { $0.hasPrefix("bias") })
    let levels = line.compactMap { Self.shades.firstIndex(of: $0) }
    #expect(levels == levels.sorted() && levels.first == 0 && levels.last == 3)
    let opacities = MarkupReader(map.svg).elements
      .filter { $0.name == "rect" }.prefix(values.count)
      .compactMap { $0.attributes["fill-opacity"].flatMap(Double.init) }
    #expect(opacities.count == values.count)
    #expect(opacities == opacities.sorted() && opacities.first == 0.1 && opacities.last == 1)
    #expect(
      zip(values, values.dropFirst()).allSatisfy { map.intensity(of: $0) < map.intensity(of: $1) })
    let coloured = try #require(map.lines(width: 80, colour: true).first { $0.hasPrefix("bias") })
    let colours = coloured.split(separator: "\u{1B}[48;5;").dropFirst()
      .compactMap { $0.split(separator: "m").first }
    #expect(colours.count == values.count && Set(colours).count > 2)
    #expect(colours.first == "255" && colours.last == "27")
  }

  @Test("influence within the noise is a dot, and does not widen the scale")
  func uncertain() throws {
    let map = InfluenceHeatMap(
      [
        score("a", layer: 0, value: 1), score("b", layer: 1, value: 1e9, verdict: .uncertain),
        score("c", layer: 2, value: 0, verdict: .flat),
        score("d", layer: 3, value: 0, verdict: .rising), score("head", .head, value: 1e6),
      ], layerCount: 4)
    #expect(map.scale == 0.05...0.1)
    let line = try #require(map.lines(width: 80, colour: false).first { $0.hasPrefix("bias") })
    #expect(line == "bias  ██ ·  ·  ·")
  }

  @Test(
    "lines fit the width, whatever the model", arguments: [40, 80, 100], [0, 1, 12, 24, 48, 100])
  func widths(width: Int, layers: Int) {
    let example = ReportExample(
      layerCount: layers, prefix: String(repeating: "very.long.", count: 9))
    let map = InfluenceHeatMap(
      example.scores, layerCount: layers, chosen: Set(example.scores.prefix(9).map(\.name)))
    let limit = max(width, 72)
    for line in map.lines(width: width, colour: false) { #expect(line.count <= limit, "\(line)") }
    #expect(MarkupReader(map.svg).isWellFormed)
  }

  @Test("empty input says so; one group is the top of the scale")
  func small() {
    let empty = InfluenceHeatMap(groups: [], influences: [], layerCount: 0)
    #expect(empty.svg.isEmpty && empty.lines(width: 80, colour: false) == ["no groups"])
    let one = InfluenceHeatMap([score("only", layer: 0)], layerCount: 1)
    #expect(one.intensity(of: 0.1) == 1)
    #expect(
      MarkupReader(one.svg).texts("text").filter { $0.contains("e-0") } == ["5.0e-02", "1.0e-01"])
    let equal = InfluenceHeatMap(
      [score("a", layer: 0, value: 1), score("b", layer: 1, value: 0.99)], layerCount: 2)
    #expect(equal.scale == 0.05...0.1 && equal.intensity(of: 0.099) > 0.9)
    #expect(MarkupReader(one.svg).isWellFormed)
    let odd = InfluenceHeatMap(
      ["", "@", "lora:x@y", "lora:2@"].map { score($0, .adapter, layer: 0) }, layerCount: 1)
    #expect(odd.rows == ["lora:2", "adapter"])
    let zero = InfluenceHeatMap([score("z", layer: 0, count: 0, value: 0)], layerCount: 1)
    #expect(zero.scale == nil && MarkupReader(zero.svg).isWellFormed)
    #expect(zero.lines(width: 80, colour: true).allSatisfy { !$0.contains("nan") })
  }

  @Test("a map of few lines has the rows with selected groups", arguments: [4, 6, 9, 40])
  func fewLines(height: Int) {
    let example = ReportExample(layerCount: 6)
    let chosen = example.scores.filter { $0.kind == .bias && $0.layer == 2 }.map(\.name)
    let map = InfluenceHeatMap(example.scores, layerCount: 6, chosen: Set(chosen))
    let lines = map.lines(width: 78, height: height, colour: false)
    #expect(lines.count <= height && lines.allSatisfy { $0.count <= 78 })
    #expect(lines.contains { $0.hasPrefix("bias") && $0.contains("*") })
    #expect(lines.last?.contains("* chosen") == true)
    #expect(lines.contains { $0.contains("none of them chosen, in the report") } == (height < 10))
  }

  @Test("every cell has a tooltip with its numbers")
  func tooltips() {
    let example = ReportExample()
    let map = InfluenceHeatMap(example.scores, layerCount: example.layerCount)
    // The first is the title of the drawing.
    let titles = MarkupReader(map.svg).texts("title").dropFirst()
    #expect(titles.count == map.rows.count * map.layerCount + map.outside.count)
    #expect(titles.allSatisfy { $0.contains("parameters") && $0.contains("±") })
    #expect(titles.contains { $0.hasPrefix("lora:16 attention, layer 3: 49,152 parameters") })
  }

  @Test("90,000 rows take only a moment")
  func many() {
    let scores = (0..<90_000).map { index in
      score(
        index < 30_000
          ? "embeddings.word.weight[\(index)]" : "layer.\(index % 12).up.weight[\(index)]",
        index < 30_000 ? .embedding : .feedForward, layer: index < 30_000 ? nil : index % 12)
    }
    var map: InfluenceHeatMap?
    let time = threadTime {
      map = InfluenceHeatMap(scores, layerCount: 12, chosen: Set(scores.prefix(100).map(\.name)))
    }
    #expect(time < .seconds(2))
    #expect(map?.outside.map(\.groupCount) == [30_000])
    #expect(map?.cells[0].allSatisfy { $0?.groupCount == 5_000 } == true)
    #expect((map?.svg.utf8.count ?? .max) < 20_000)
  }
}
