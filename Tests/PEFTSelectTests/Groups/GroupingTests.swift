import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

@Suite("Parameter groups")
struct GroupingTests {
  private static func entry(
    _ name: String, _ shape: Shape, _ kind: ParameterKind, place: String, layer: Int? = nil
  ) -> ModelParameter {
    ModelParameter(
      Parameter(name: name, value: Tensor(zeros: shape)), kind: kind, place: place, layer: layer,
      role: name, stage: 0)
  }

  private let parameters: [ModelParameter] = [
    entry("m.words.weight", [7, 3], .embedding, place: "embeddings"),
    entry("m.layer.0.query.weight", [3, 3], .attention, place: "layer.0", layer: 0),
    entry("m.layer.0.query.bias", [3], .bias, place: "layer.0", layer: 0),
    entry("m.layer.1.query.weight", [3, 3], .attention, place: "layer.1", layer: 1),
    entry("m.layer.1.up.weight", [4, 3], .feedForward, place: "layer.1", layer: 1),
    entry("m.layer.1.norm.weight", [3], .norm, place: "layer.1", layer: 1),
    entry("classifier.weight", [2, 3], .head, place: "head"),
    entry("classifier.bias", [2], .head, place: "head"),
  ]

  private var total: Int { parameters.reduce(0) { $0 + $1.parameter.count } }

  private static let patterns: [GroupingRule.NamedPatterns] = [
    .init(name: "low", patterns: ["*words*", "m.layer.0.*"]),
    .init(name: "high", patterns: ["m.layer.1.*"]),
  ]

  @Test(
    "groups are disjoint and cover everything, by every rule",
    arguments: [
      GroupingRule.kind, .kindByLayer, .tensor, .row, .patterns(patterns),
    ])
  func covers(_ rule: GroupingRule) throws {
    let grouping = try ParameterGrouping(parameters, by: rule)
    #expect(grouping.groups.reduce(0) { $0 + $1.parameterCount } == total)
    #expect(Set(grouping.groups.map(\.name)).count == grouping.count)
    let members = grouping.groups.flatMap(\.members)
    #expect(Set(members).count == members.count)
    #expect(grouping.groups.count(where: \.isFixed) == 1)
    #expect(grouping.groups.first(where: \.isFixed)?.parameterCount == 8)
    for member in members { #expect(ParameterGroup.Member(member.description) == member) }
  }

  @Test("rules name their groups")
  func names() throws {
    let kinds = try ParameterGrouping(parameters, by: .kind).groups.map(\.name)
    #expect(Set(kinds) == ["embedding", "attention", "bias", "feedForward", "norm", "head"])
    let layers = try ParameterGrouping(parameters, by: .kindByLayer).groups.map(\.name)
    #expect(layers.contains("layer.1.feedForward") && layers.contains("embeddings.embedding"))
    let rows = try ParameterGrouping(parameters, by: .row)
    #expect(rows.count == 7 + 3 + 1 + 3 + 4 + 1 + 1)
    #expect(rows.groups.contains { $0.name == "m.layer.1.up.weight[3]" && $0.parameterCount == 3 })
  }

  @Test("adapters exclude the weights they adapt, and each other")
  func candidates() throws {
    let grouping = try ParameterGrouping(
      parameters, by: .kindByLayer, candidates: AdapterCandidates(ranks: [2, 1]))
    let byName = Dictionary(uniqueKeysWithValues: grouping.groups.map { ($0.name, $0) })
    let small = try #require(byName["lora:1@layer.1.attention"])
    let large = try #require(byName["lora:2@layer.1.attention"])
    #expect(small.parameterCount == 6 && large.parameterCount == 12)
    #expect(small.exclusionClass != nil && small.exclusionClass == large.exclusionClass)
    #expect(small.exclusionClass == byName["layer.1.attention"]?.exclusionClass)
    #expect(small.exclusionClass != byName["layer.0.attention"]?.exclusionClass)
    #expect(byName["layer.0.bias"]?.exclusionClass == nil)
    #expect(grouping.groups.modelParameterCount == total)
    let some = try ParameterGrouping(
      parameters, by: .kindByLayer,
      candidates: AdapterCandidates(ranks: [1], targets: ["up"]))
    #expect(
      some.groups.filter { $0.kind == .adapter }.map(\.name) == ["lora:1@layer.1.feedForward"])
    #expect(throws: GroupingError.self) {
      try ParameterGrouping(parameters, by: .row, candidates: AdapterCandidates(ranks: [1]))
    }
  }

  @Test("single elements of every matrix exclude the weights, and the adapters on them")
  func elements() throws {
    let grouping = try ParameterGrouping(
      parameters, by: .kindByLayer, candidates: AdapterCandidates(ranks: [1], elements: [10, 2]))
    let byName = Dictionary(uniqueKeysWithValues: grouping.groups.map { ($0.name, $0) })
    let few = try #require(byName["speft:2@layer.1.attention"])
    #expect(few.parameterCount == 2 && few.layer == 1)
    #expect(few.members == [.elements(weight: "m.layer.1.query.weight", count: 2)])
    #expect(few.exclusionClass != nil)
    #expect(few.exclusionClass == byName["lora:1@layer.1.attention"]?.exclusionClass)
    #expect(few.exclusionClass == byName["layer.1.attention"]?.exclusionClass)
    // A matrix of nine elements has no ten to train.
    #expect(byName["speft:10@layer.1.attention"] == nil)
    #expect(byName["speft:10@layer.1.feedForward"]?.parameterCount == 10)
    #expect(grouping.groups.modelParameterCount == total)
    let some = try ParameterGrouping(
      parameters, by: .kindByLayer,
      candidates: AdapterCandidates(ranks: [], elements: [2], targets: ["up"]))
    #expect(
      some.groups.filter { $0.kind == .adapter }.map(\.name) == ["speft:2@layer.1.feedForward"])
    let prefixes = grouping.elementPrefixes.map { $0.map(\.count) }
    #expect(prefixes == [[], [2], [], [2], [2, 10], [], [], []])
    #expect(
      Set(grouping.elementPrefixes.joined().map { grouping.groups[$0.group].name })
        == Set(byName.keys.filter { $0.hasPrefix("speft") }))
  }

  @Test("a file with overlapping, missing, repeated or unmatched patterns is refused by name")
  func refusals() {
    func message(_ named: [GroupingRule.NamedPatterns]) -> String {
      do {
        _ = try ParameterGrouping(parameters, by: .patterns(named))
        return ""
      } catch { return error.description }
    }
    let all = GroupingRule.NamedPatterns(name: "all", patterns: ["*"])
    #expect(message([all]).isEmpty)
    let overlap = message([all, .init(name: "bias", patterns: ["*.bias"])])
    #expect(overlap.contains("\"all\" and \"bias\"") && overlap.contains("query.bias"))
    let left = message([.init(name: "low", patterns: ["m.layer.0.*"])])
    #expect(left.contains("m.words.weight"))
    #expect(message([all, all]).contains("twice"))
    #expect(message([all, .init(name: "none", patterns: ["x*"])]).contains("\"none\""))
    #expect(message([.init(name: "head", patterns: ["*"])]).contains("head"))
  }

  @Test(
    "stars stand for anything",
    arguments: [
      ("*", "abc", true), ("a*c", "abbc", true), ("a*c", "abcd", false), ("*b*", "abc", true),
      ("abc", "abc", true), ("abc", "ab", false), ("a*b*c", "aXbXbc", true), ("", "", true),
      ("**", "x", true), ("*a", "ba", true), ("*ab", "aab", true),
    ])
  func stars(_ pattern: String, _ text: String, _ isMatch: Bool) throws {
    let one = ModelParameter(
      Parameter(name: text, value: Tensor(zeros: [1])), kind: .bias, place: "p", role: "r", stage: 0
    )
    let grouping = try? ParameterGrouping(
      [one], by: .patterns([.init(name: "g", patterns: [pattern])]))
    #expect((grouping != nil) == isMatch)
  }

  @Test("candidates are parsed, and invalid ones are refused")
  func candidateTexts() {
    for text in [
      "lora:4", "lora:1,8", "lora:8@query", "lora:2,4@query+attention.output.dense", "speft:64",
      "lora:4,8,speft:16,64", "lora:1,speft:2000@query+value",
    ] {
      #expect(AdapterCandidates(text)?.description == text)
    }
    #expect(AdapterCandidates("lora:8,4,4")?.ranks == [4, 8])
    #expect(AdapterCandidates("speft:9,3,lora:2")?.elements == [3, 9])
    for text in [
      "", "lora", "lora:", "lora:0", "lora:-1", "lora:x", "lora:4@", "lora:4@a+", "lora:2000",
      "dora:4", "lora:4,", "lora:4@a@b", "4", "lora:4,speft:", "lora:4@a,speft:8", "speft:0",
      "lora:4:8", ":4",
    ] {
      #expect(AdapterCandidates(text) == nil, "\(text)")
    }
  }

  @Test(
    "values transferred to a deeper model follow relative depth",
    arguments: ["layer.", "model.layers.", "transformer.h."])
  func transfer(prefix: String) throws {
    func groups(_ layers: Int) -> [ParameterGroup] {
      (0..<layers).map {
        ParameterGroup(
          name: "\(prefix)\($0).norm", kind: .norm, layer: $0, parameterCount: 10 * layers,
          members: [.tensor("\(prefix)\($0).norm.weight")], exclusionClass: nil)
      } + [
        ParameterGroup(
          name: "embeddings.norm", kind: .norm, layer: nil, parameterCount: 5,
          members: [.tensor("embeddings.norm.weight")], exclusionClass: nil)
      ]
    }
    let values = try InfluenceTransfer.values(
      of: groups(5), layerCount: 5, from: groups(3), values: [1, 3, 9, 7], layerCount: 3)
    #expect(values == [1, 2, 3, 6, 9, 7])
    #expect(throws: SelectionError.self) {
      try InfluenceTransfer.values(
        of: groups(5), layerCount: 5, from: Array(groups(3).prefix(3)), values: [1, 3, 9],
        layerCount: 3)
    }
    let row = ParameterGroup(
      name: "w[0]", kind: .attention, layer: 0, parameterCount: 3, members: [.row("w", 0)],
      exclusionClass: nil)
    #expect(throws: SelectionError.self) {
      try InfluenceTransfer.values(
        of: [row], layerCount: 5, from: [row], values: [1], layerCount: 3)
    }
  }
}
