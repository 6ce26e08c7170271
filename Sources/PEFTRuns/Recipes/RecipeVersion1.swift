import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Translates recipes from before they had a version number. Some values that `Recipe` now writes
/// as JSON were then the text that Swift prints for a value, such as "steps(9)".
///
/// Values are read from these texts and written in the current format, so that jobs begun then can
/// be resumed. Some texts are ambiguous: the names of a suite's groups are joined by commas, so a
/// row of groups with a comma in their names compares as different.
package enum RecipeVersion1 {
  /// The recipe in the format of version 2.
  ///
  /// Throws `malformed` for a value that cannot be translated.
  package static func translated(
    _ old: JSONObject, path: String
  ) throws(FileError) -> JSONObject {
    var recipe: JSONObject = [Recipe.versionKey: .integer(Recipe.version)]
    var probe = JSONObject()
    for (key, value) in old.members {
      let isUnderstood: Bool
      if key.hasPrefix(probePrefix) {
        let name = String(key.dropFirst(probePrefix.count))
        isUnderstood = translate(name, value, into: &probe)
      } else {
        let new = translated(key, value)
        recipe[key] = new
        isUnderstood = new != nil
      }
      guard isUnderstood else {
        throw FileError(
          .malformed, path: path, place: key,
          reason: "a recipe of an earlier version, and \(value.text()) is not understood",
          remedy: "begin again with `overwrite`")
      }
    }
    if probe.count > 0 { recipe["probe"] = .object(probe) }
    return recipe
  }

  /// The settings of a probe, from the first format of `influence.json`, translated to the current
  /// format. Throws the errors of `translated`.
  package static func probeSettings(
    _ old: JSONObject, path: String
  ) throws(FileError) -> JSONObject {
    var prefixed = JSONObject()
    for (name, value) in old.members { prefixed[probePrefix + name] = value }
    return try translated(prefixed, path: path)["probe"]?.object ?? [:]
  }

  private static let probePrefix = "probe "

  // MARK: - Training

  /// A value of a training or pretraining recipe; nil if it cannot be translated.
  private static func translated(_ key: String, _ value: JSONValue) -> JSONValue? {
    guard let text = value.string else { return value }
    switch key {
    case "length": return length(text)?.json
    case "batches": return batchSize(text)?.json
    case "columns": return (try? ColumnSelection.parse(text))?.json
    case "generation": return generation(text)?.json
    // The method of a suite's row is a string; other methods are objects.
    case "method": return suiteMethod(text)
    default: return value
    }
  }

  private static func length(_ text: String) -> TrainingLength? {
    guard let value = SwiftDescription(text), let number = value[""] else { return nil }
    return switch value.name {
    case "steps": Int(number).map { .steps($0) }
    case "epochs": Double(number).map { .epochs($0) }
    default: nil
    }
  }

  private static func batchSize(_ text: String) -> BatchSize? {
    guard let value = SwiftDescription(text), let count = value[""].flatMap({ Int($0) }) else {
      return nil
    }
    return switch value.name {
    case "examples": .examples(count)
    case "tokens": .tokens(count)
    default: nil
    }
  }

  private static func generation(_ text: String) -> GenerationSettings? {
    guard let value = SwiftDescription(text), value.name == "GenerationSettings",
      let strategy = value["strategy"].flatMap(strategy),
      let tokens = value["maximumNewTokens"].flatMap({ Int($0) }),
      let seed = value["seed"].flatMap({ UInt64($0) }),
      let batchSize = value["batchSize"].flatMap({ Int($0) })
    else { return nil }
    var settings = GenerationSettings()
    settings.strategy = strategy
    settings.maximumNewTokens = tokens
    settings.blockedRepeat = value["blockedRepeat"].flatMap { Int($0) }
    settings.seed = seed
    settings.batchSize = batchSize
    return settings
  }

  private static func strategy(_ text: String) -> GenerationSettings.Strategy? {
    guard let value = SwiftDescription(text) else { return nil }
    switch value.name {
    case "greedy": return .greedy
    case "sampling":
      guard let temperature = value["temperature"].flatMap({ Double($0) }) else { return nil }
      return .sampling(
        temperature: temperature, topK: value["topK"].flatMap { Int($0) },
        topP: value["topP"].flatMap { Double($0) })
    case "beams":
      guard let width = value["width"].flatMap({ Int($0) }),
        let penalty = value["lengthPenalty"].flatMap({ Double($0) }),
        let stopsEarly = value["stopsEarly"].flatMap({ Bool($0) })
      else { return nil }
      return .beams(width: width, lengthPenalty: penalty, stopsEarly: stopsEarly)
    default: return nil
    }
  }

  // MARK: - Suites

  /// "last 2 layers", "groups NAME, NAME", or "CHOICE, SOLVER", where the choice is a rule, a
  /// predictor, or "value".
  private static func suiteMethod(_ text: String) -> JSONValue? {
    if let count = text.wholeMatch(of: /last ([0-9]+) layers/).flatMap({ Int($0.1) }) {
      return SuiteMethodRecord.lastLayers(count)
    }
    if text.hasPrefix("groups ") {
      let names = text.dropFirst("groups ".count)
      return SuiteMethodRecord.groups(names.split(separator: ", ").map(String.init))
    }
    guard let match = text.wholeMatch(of: /(.+), ([a-z]+)/),
      let solver = SelectionSolver(rawValue: String(match.2))
    else { return nil }
    let choice = String(match.1)
    if let rule = rule(choice) { return SuiteMethodRecord.selection(rule: rule, solver: solver) }
    return SuiteMethodRecord.selection(
      predictor: choice == "value" ? nil : choice, solver: solver)
  }

  private static func rule(_ text: String) -> InfluenceRule? {
    guard let value = SwiftDescription(text) else { return nil }
    return switch value.name {
    case "newton": .newton
    case "slope": .slope
    case "trustRegion": value["reach"].flatMap { Double($0) }.map { .trustRegion(reach: $0) }
    default: nil
    }
  }

  // MARK: - Probes

  /// Adds a setting of a probe to `probe`. Returns false if it cannot be translated.
  private static func translate(
    _ name: String, _ value: JSONValue, into probe: inout JSONObject
  ) -> Bool {
    guard let text = value.string else {
      probe[renamed[name] ?? name] = value
      return true
    }
    switch name {
    case "head-steps", "warm-steps", "direction-batches", "probe-steps", "period":
      probe[name] = Int(text).map { .integer($0) }
    case "probe-learning-rate", "gate": probe[name] = Double(text).map { .number($0) }
    case "multipliers":
      let numbers = text.split(separator: ",").map { Double($0) ?? .nan }
      if numbers.allSatisfy(\.isFinite) { probe[name] = .array(numbers.map { .number($0) }) }
    case "candidates": probe[name] = AdapterCandidates(text)?.json
    case "settled":
      if text == "never" { return true }
      probe[name] = settled(text)?.json
    case "value":
      guard let comma = text.range(of: ", ", options: .backwards),
        let rule = rule(String(text[..<comma.lowerBound]))
      else { return false }
      probe[name] = rule.json
      probe["aggregate"] = .string(String(text[comma.upperBound...]))
    default: probe[name] = value
    }
    return probe[name] != nil
  }

  /// The number settings that have since been renamed.
  private static let renamed = [
    "batches": "probe-batches", "head rate": "head-learning-rate",
    "warm rate": "warm-learning-rate", "step": "fit-step",
  ]

  private static func settled(_ text: String) -> SettledSelection? {
    guard let value = SwiftDescription(text), value.name == "SettledSelection",
      let budget = value["budget"].flatMap({ Int($0) }),
      let probes = value["probes"].flatMap({ Int($0) })
    else { return nil }
    return SettledSelection(budget: budget, probes: probes)
  }
}
