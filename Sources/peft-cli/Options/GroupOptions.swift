import ArgumentParser
import PEFTNetwork
import PEFTSelect
import PEFTStudy
import PEFTTensor

/// The options for the candidates of a selection: groups of parameters, and adapters in addition to
/// them.
struct GroupOptions: ParsableArguments {
  @Option(
    help: """
      How parameters are grouped: kind, kind-layer, tensor, row, or a YAML file that maps group \
      names to patterns of tensor names.
      """)
  var groups = "kind-layer"

  @Option(
    help: """
      Adapters and single elements that compete with the groups for the budget: none, ranks such \
      as lora:4,8,16, numbers of elements of each matrix as in lora:4,speft:16,64, or \
      lora:8@query+value for some matrices only. (default: none; for adapt \
      lora:1,2,4,8,16,speft:8,32,128,512, but none with --groups row)
      """)
  var candidates: String?

  func validate() throws { _ = try adapters() }

  /// The requested rule.
  func rule() throws -> GroupingRule {
    if let rule = GroupingRule(name: groups) { return rule }
    guard groups.hasSuffix(".yaml") || groups.hasSuffix(".yml") else {
      throw ValidationError(
        "--groups \(groups): give kind, kind-layer, tensor, row, or a file ending in .yaml")
    }
    return .patterns(try Self.patterns(groups))
  }

  /// The requested adapters; `fallback` if the option is not given.
  func adapters(or fallback: AdapterCandidates? = nil) throws -> AdapterCandidates? {
    guard let candidates else { return groups == GroupingRule.row.name ? nil : fallback }
    if candidates == "none" { return nil }
    guard let parsed = AdapterCandidates(candidates) else {
      throw ValidationError(
        "--candidates \(candidates): give ranks as in lora:4,8,16 or lora:8@query+value, numbers of "
          + "elements as in speft:16,64, both as in lora:4,8,speft:64, or none")
    }
    return parsed
  }

  /// The groups of a YAML file: a map from names to a pattern or a list of patterns.
  private static func patterns(_ path: String) throws -> [GroupingRule.NamedPatterns] {
    let example = "attention: \"*.attention.*.weight\""
    let map = try YAMLMap(contentsOf: path, example: example)
    func wrong(_ reason: String, line: Int = 1) -> FileError {
      FileError(
        .malformed, path: path, place: "line \(line)", reason: reason,
        remedy: "write lines such as: \(example)")
    }
    guard !map.entries.isEmpty else {
      throw wrong("it is not a map from group names to patterns")
    }
    return try map.entries.map { entry in
      guard let patterns = entry.values, !patterns.isEmpty else {
        throw wrong(
          "the group \"\(entry.name)\" needs one pattern or a list of them", line: entry.line)
      }
      return GroupingRule.NamedPatterns(name: entry.name, patterns: patterns)
    }
  }
}
