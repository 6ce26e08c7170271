import ArgumentParser
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// The YAML file of a search for settings.
///
/// `train` has the options of `peft train` by name, and `vary` those that differ between trials,
/// each with its values.
struct TuneFile {
  /// What the command line says instead of the file.
  struct Overrides {
    var strategy: String?
    var trials: Int?
    var steps: Int?
    var seed: UInt64?
  }

  /// The search.
  let search: HyperparameterSearch
  private let vary: FileSection
  /// The options under `train`.
  private let fixed: [String]
  private let interface: CommandInterface

  /// Reads the file at `path`, and checks every value that delimits a range.
  init(_ path: String, _ overrides: Overrides) throws {
    let map = try YAMLMap.options(
      path, example: "vary: {learning-rate: {log-uniform: [1e-5, 1e-2]}}")
    let file = FileSection(map, path: path)
    try file.check(keys: ["train", "vary"] + Self.searchKeys)
    guard let interface = CommandInterface.all.first(where: { $0.name == "train" }) else {
      preconditionFailure("there is no command train")
    }
    self.interface = interface
    for (key, remedy) in [
      ("train", "put the options of `peft train` under it"),
      ("vary", "name the settings that vary under it, such as rank: [4, 8, 16]"),
    ] where !file.has(key) { throw file.wrong(key, "it is missing", remedy: remedy) }
    let train = try file.section("train")
    let vary = try file.section("vary")
    guard !vary.keys.isEmpty else {
      throw file.wrong(
        "vary", "nothing varies", remedy: "name a setting, such as rank: [4, 8, 16]")
    }
    let dimensions = try vary.keys.map { name in
      SearchSpace.Dimension(
        name: name, range: try Self.range(of: name, in: vary, beside: train, interface))
    }
    self.vary = vary
    // Trials are judged on dev data; the command that repeats one holds out the same rows.
    fixed =
      try Self.arguments(train, interface, steps: overrides.steps)
      + (train.has("dev") || train.has("holdout") ? [] : ["--holdout=auto"])
    if overrides.steps != nil, vary.has("steps") || vary.has("epochs") {
      throw vary.wrong(
        vary.has("steps") ? "steps" : "epochs", "`steps` was given too",
        remedy: "leave out one of them")
    }
    let space = SearchSpace(dimensions)
    search = HyperparameterSearch(
      space: space, strategy: try Self.strategy(file, overrides),
      trialCount: try overrides.trials ?? file.number("trials", usual: 20, Self.count),
      seed: try overrides.seed ?? file.number("seed", usual: 1) { UInt64($0) })
    for (index, values) in space.corners {
      _ = try job(values, place: space.names[index])
    }
  }

  // MARK: - The search

  private static let searchKeys = [
    "search", "trials", "seed", "random-trials", "reduction", "grace",
  ]
  /// The names of the searches.
  static let strategies = ["random", "tpe", "halving"]

  private static func strategy(
    _ file: FileSection, _ overrides: Overrides
  ) throws -> HyperparameterSearch.Strategy {
    let name =
      try overrides.strategy
      ?? file.number("search", usual: "tpe") { strategies.contains($0) ? $0 : nil }
    for (key, owner) in [("random-trials", "tpe"), ("reduction", "halving"), ("grace", "halving")]
    where file.has(key) && owner != name && overrides.strategy == nil {
      throw file.wrong(key, "it is for `search: \(owner)`", remedy: "leave it out")
    }
    switch name {
    case "random": return .random
    case "halving":
      return .halving(
        reduction: try file.number("reduction", usual: 3) { Int($0).flatMap { $0 > 1 ? $0 : nil } },
        grace: try file.number("grace", usual: 0.1) { share($0) })
    default:
      return .parzen(randomTrials: try file.number("random-trials", usual: 10, count))
    }
  }

  private static func count(_ text: String) -> Int? {
    Int(text).flatMap { (1...trialLimit).contains($0) ? $0 : nil }
  }

  /// The largest number of trials.
  static let trialLimit = 10_000

  /// A share above 0, such as 0.1 or 10%.
  private static func share(_ text: String) -> Double? {
    let number = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    return number.flatMap { $0 > 0 && $0 <= 1 ? $0 : nil }
  }

  // MARK: - What varies

  /// The prefix of settings of the method that have no option of their own.
  private static let settingPrefix = "set."
  /// Options that the search itself sets, or that do not change what is trained.
  private static let foreign: Set = [
    "output", "overwrite", "resume", "checkpoint-every", "dry-run", "generate", "config", "json",
    "quiet", "workers",
  ]
  /// Options that decide what trials are judged on.
  private static let common: Set = [
    "train", "dev", "holdout", "test", "task", "format", "columns", "seed",
  ]

  private static func option(
    _ name: String, of section: FileSection, _ interface: CommandInterface
  ) throws -> CommandInterface.Option {
    let known = name.hasPrefix(settingPrefix) ? "set" : name
    guard let option = interface.options.first(where: { $0.name == known }) else {
      throw section.wrong(
        name, "`peft train` has no option \"\(name)\"",
        remedy: interface.suggestion(for: name).map { "did you mean \($0)?" }
          ?? "`peft train --help` lists them")
    }
    guard !foreign.contains(known) else {
      throw section.wrong(
        name, "it does not belong to what a trial trains",
        remedy: "leave it out; `peft tune --help` lists the options of the search")
    }
    return option
  }

  private static func range(
    of name: String, in vary: FileSection, beside train: FileSection, _ interface: CommandInterface
  ) throws -> SearchRange {
    let option = try option(name, of: vary, interface)
    if common.contains(name) {
      throw vary.wrong(
        name, "trials that differ in it cannot be compared", remedy: "put it under train")
    }
    if name == "set" {
      throw vary.wrong(name, "it names no setting", remedy: "write set.NAME, such as set.start")
    }
    if train.has(name) {
      throw vary.wrong(name, "it is under train too", remedy: "leave out one of them")
    }
    if option.isFlag {
      guard !vary.isMap(name), try vary.strings(name).allSatisfy({ $0 == "true" || $0 == "false" })
      else { throw vary.wrong(name, "it is on or off", remedy: "write [true, false]") }
    }
    guard vary.isMap(name) else { return .choices(try choices(name, in: vary)) }
    let section = try vary.section(name)
    guard section.keys.count == 1, let kind = section.keys.first else {
      throw vary.wrong(name, "give one range", remedy: "such as {log-uniform: [1e-5, 1e-2]}")
    }
    switch kind {
    case "choices", "choice": return .choices(try choices(kind, in: section))
    case "uniform": return .uniform(try bounds(kind, in: section, finite))
    case "log-uniform": return .logUniform(try bounds(kind, in: section, above: 0, finite))
    case "integer": return .integer(try bounds(kind, in: section, whole))
    case "log-integer": return .logInteger(try bounds(kind, in: section, above: 0, whole))
    default:
      throw section.wrong(
        kind, "there is no such range",
        remedy: "the ranges are uniform, log-uniform, integer, log-integer and choices")
    }
  }

  private static func finite(_ text: String) -> Double? {
    Double(text).flatMap { abs($0) < 1e100 ? $0 : nil }
  }

  private static func whole(_ text: String) -> Int? {
    Int(text).flatMap { abs($0) < 1 << 40 ? $0 : nil }
  }

  private static func choices(_ key: String, in section: FileSection) throws -> [String] {
    let texts = try section.strings(key)
    guard texts.count > 1 else {
      throw section.wrong(
        key, "one value does not vary", remedy: "put it under train, or give several values")
    }
    guard Set(texts).count == texts.count else {
      throw section.wrong(key, "one of the values occurs twice", remedy: "leave it out")
    }
    return texts
  }

  private static func bounds<Number: Comparable>(
    _ key: String, in section: FileSection, above least: Number? = nil,
    _ number: (String) -> Number?
  ) throws -> ClosedRange<Number> {
    let bounds = try section.strings(key).map { text in
      guard let bound = number(text) else {
        throw section.wrong(
          key, "it cannot be \"\(text)\"",
          remedy: key.hasSuffix("integer") ? "give whole numbers" : "give numbers")
      }
      return bound
    }
    guard bounds.count == 2, bounds[0] < bounds[1] else {
      throw section.wrong(
        key, "it is not a range", remedy: "write its least and its largest value: [low, high]")
    }
    if let least, bounds[0] <= least {
      throw section.wrong(key, "0 has no logarithm", remedy: "begin the range above 0")
    }
    return bounds[0]...bounds[1]
  }

  // MARK: - Jobs

  /// The options under `train`, with another number of steps if `steps` is given.
  private static func arguments(
    _ train: FileSection, _ interface: CommandInterface, steps: Int?
  ) throws -> [String] {
    var arguments: [String] = []
    for name in train.keys {
      let option = try option(name, of: train, interface)
      if steps != nil, name == "steps" || name == "epochs" { continue }
      let values = try train.strings(name)
      if option.isFlag {
        guard values == ["true"] || values == ["false"] else {
          throw train.wrong(name, "it takes true or false, and nothing else")
        }
        if values == ["true"] { arguments.append("--" + name) }
      } else if option.isRepeating {
        arguments += values.map { "--\(name)=\($0)" }
      } else {
        arguments.append("--\(name)=" + values.joined(separator: ","))
      }
    }
    return arguments + (steps.map { ["--steps=\($0)"] } ?? [])
  }

  /// The options of `peft train` with a value for everything that varies.
  func arguments(_ values: [String]) -> [String] {
    fixed
      + zip(search.space.names, values).compactMap { name, value in
        if name.hasPrefix(Self.settingPrefix) {
          return "--set=\(name.dropFirst(Self.settingPrefix.count))=\(value)"
        }
        guard interface.options.contains(where: { $0.name == name && $0.isFlag }) else {
          return "--\(name)=\(value)"
        }
        return value == "true" ? "--" + name : nil
      }
  }

  /// The job with a value for everything that varies.
  func job(_ values: [String]) throws -> TrainingJob { try job(values, place: "") }

  private func job(_ values: [String], place: String) throws -> TrainingJob {
    do {
      return try TrainCommand.parse(arguments(values) + ["--dry-run"]).job(usualHoldout: nil)
    } catch let error as FileError {
      throw error
    } catch {
      let settings = zip(search.space.names, values).map { "\($0) \($1)" }.joined(separator: ", ")
      throw vary.wrong(
        place, "with \(settings): \(TrainCommand.message(for: error))",
        remedy: "correct the values, or what is under train")
    }
  }
}
