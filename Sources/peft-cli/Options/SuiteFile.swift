import ArgumentParser
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

/// The YAML file of a suite.
///
/// `models`, `tasks`, `recipe` and `probes` contain the options of `train` and `probe` by name; a
/// problem is a model with a task.
enum SuiteFile {
  /// Reads the suite at `path`.
  static func read(_ path: String) throws -> Study {
    let map = try YAMLMap.options(path, example: "budgets: [0.2%, 1%]")
    let file = FileSection(map, path: path)
    if file.has("agreements") {
      throw file.wrong(
        "agreements", "earlier versions compared rankings here",
        remedy: "remove the section; probes that no method uses are measured, and the benchmarks' "
          + "suite-claims compares them")
    }
    try file.check(keys: [
      "name", "question", "models", "tasks", "recipe", "seeds", "learning-rates",
      "rate-seeds", "budgets",
      "probes", "methods", "ours", "against",
    ])
    let recipeSection = try file.section("recipe")
    for key in ["seed", "learning-rate", "lr"] where recipeSection.has(key) {
      throw recipeSection.wrong(
        key, "set the seeds and learning rates of a suite next to the recipe, not in it")
    }
    let recipe = try parse(TrainingOptions.self, recipeSection)
    let problems = try problems(file, settings: recipe.settings)
    let budgets = try file.numbers("budgets", budget)
    let sections = try file.section("methods").sections
    for section in [file] + sections where section.has("budgets") {
      let others = try section.numbers("budgets", budget)
      guard others.allSatisfy({ $0.includesHead == budgets[0].includesHead }) else {
        throw section.wrong(
          "budgets", "some include the head and others are beside it",
          remedy: "add +head to all of them, or to none")
      }
    }
    let suite = Study(
      name: try file.string("name"), question: try file.string("question"), problems: problems,
      seeds: try file.numbers("seeds") { UInt64($0) },
      learningRates: try rates(file) ?? [],
      rateSeedCount: file.has("rate-seeds")
        ? try file.number("rate-seeds") { positive(Int($0)) } : 1,
      budgets: budgets.map(\.share).sorted(), budgetsIncludeHead: budgets[0].includesHead,
      probes: try probes(file, recipe),
      methods: try sections.map { try method($0, recipe.settings) },
      ours: try file.string("ours"), baselines: try file.strings("against"))
    try check(suite, file)
    return suite
  }

  /// The largest number of problems of a suite.
  private static let problemLimit = 1000

  private static func problems(
    _ file: FileSection, settings: TrainingSettings
  ) throws -> [Study.Problem] {
    let models = try file.section("models").sections
    let tasks = try file.section("tasks").sections
    guard models.count * tasks.count <= problemLimit else {
      throw file.wrong(
        "tasks",
        "\(models.count) models with \(tasks.count) tasks are more than \(problemLimit) problems",
        remedy: "leave out some of them, or make several suites")
    }
    let pairs = models.flatMap { model in
      tasks.map { task in
        (
          model: model, task: task,
          name: models.count == 1 ? task.name : "\(model.name)-\(task.name)"
        )
      }
    }
    if let (first, second) = Study.collision(among: pairs, by: \.name) {
      throw file.wrong(
        "tasks",
        "model \(first.model.name) with task \(first.task.name), \"\(first.name)\", and model "
          + "\(second.model.name) with task \(second.task.name), \"\(second.name)\", would have one "
          + "directory",
        remedy: "rename one of the models or tasks")
    }
    return try pairs.map { pair in
      let options = try parse(TaskSection.self, pair.task, with: pair.model)
      if options.details.output.generate {
        throw pair.task.wrong(
          "generate", "a suite measures no generated texts",
          remedy: "leave it out, and use `compare` or `train` with --generate")
      }
      return Study.Problem(
        name: pair.name,
        job: options.task.job(
          FullTuning(), evaluation: options.evaluation, details: options.details,
          settings: settings))
    }
  }

  private struct TaskSection: ParsableArguments {
    @OptionGroup var task: TaskOptions
    @OptionGroup var evaluation: EvaluationDataOptions
    @OptionGroup var details: TaskDetailOptions
  }

  private struct ProbeSection: ParsableArguments {
    @OptionGroup var groups: GroupOptions
    @OptionGroup var probe: ProbeOptions
  }

  private static func probes(
    _ file: FileSection, _ recipe: TrainingOptions
  ) throws -> [String: InfluenceSettings] {
    var probes: [String: InfluenceSettings] = [:]
    for section in try file.section("probes").sections {
      let options = try parse(ProbeSection.self, section)
      if options.probe.settleAfter != nil {
        throw section.wrong("settle-after", "one probe serves all budgets; leave it out")
      }
      do {
        probes[section.name] = try options.probe.settings(
          groups: options.groups, seed: 0, budget: nil, precision: recipe.precision.precision)
      } catch let error as ValidationError {
        throw section.wrong("", error.message)
      }
    }
    return probes
  }

  private static func method(
    _ section: FileSection, _ training: TrainingSettings
  ) throws -> Study.Method {
    if section.has("subsets-of") {
      throw section.wrong(
        "subsets-of", "earlier versions trained every subset of a probe's groups",
        remedy: "name a method for each: {groups: [A, B], probe: PROBE}")
    }
    try section.check(
      keys: [
        "method", "last-layers", "groups", "probe", "by", "value", "reach", "solver",
        "family", "problems", "budgets", "learning-rates",
      ] + methodSettings)
    let kind: Study.Kind
    if section.has("last-layers") {
      kind = .lastLayers(try section.number("last-layers") { positive(Int($0)) })
    } else if section.has("groups") {
      kind = .groups(try section.strings("groups"), probe: try section.string("probe"))
    } else if section.has("probe") {
      if section.has("reach"),
        try !section.has("value") || section.string("value") != "trust-region"
      {
        throw section.wrong("reach", "it goes with value: trust-region")
      }
      kind = .selection(
        Study.Choice(
          probe: try section.string("probe"),
          predictor: section.has("by") ? try section.string("by") : nil,
          rule: section.has("value") ? try rule(section) : nil,
          solver: try section.number("solver") { SelectionSolver(rawValue: $0) }))
    } else if try section.string("method") == measuredName {
      var choice = MeasuredChoice(for: training)
      choice.probeShare = MeasuredChoice.usualProbeShare
      kind = .measured(choice)
    } else {
      kind = .fixed(try method(section))
    }
    switch kind {
    case .selection, .measured: break
    default:
      if section.has("budgets") {
        throw section.wrong(
          "budgets",
          "they go with a selection, or with method: adapt; the size of any other "
            + "method follows from its settings")
      }
    }
    return Study.Method(
      name: section.name, family: section.has("family") ? try section.string("family") : nil,
      kind: kind,
      problems: section.has("problems") ? Set(try section.strings("problems")) : nil,
      budgets: section.has("budgets")
        ? try section.numbers("budgets", budget).map(\.share).sorted() : nil,
      learningRates: try rates(section))
  }

  /// The name by which a suite asks for what `adapt` chooses.
  private static let measuredName = "adapt"

  /// The learning rates of a section: a list, or none for `auto`; nil if it has none.
  private static func rates(_ section: FileSection) throws -> [Double]? {
    guard section.has("learning-rates") else { return nil }
    if try section.strings("learning-rates") == ["auto"] { return [] }
    return try section.numbers("learning-rates") { positive(Double($0)) }
  }

  private static func method(_ section: FileSection) throws -> any AdaptationMethod {
    var method = try section.number("method") { MethodCatalogue.standard.method(named: $0) }
    for name in methodSettings where section.has(name) {
      let text =
        name == "targets"
        ? try section.strings(name).joined(separator: ",") : try section.string(name)
      do throws(MethodSettingError) { try method.set(name, text: text) } catch {
        throw section.wrong(name, error.description)
      }
    }
    return method
  }

  /// The settings of all methods by name.
  private static let methodSettings = Set(
    MethodCatalogue.standard.offered.flatMap { $0.settingHelp.map(\.name) }
  ).sorted()

  private static func rule(_ section: FileSection) throws -> InfluenceRule {
    let reach = section.has("reach") ? try section.number("reach") { positive(Double($0)) } : 1e-3
    let rules: [InfluenceRule] = [.trustRegion(reach: reach), .newton, .slope]
    return try section.number("value") { name in rules.first { $0.name == name } }
  }

  /// Throws for a name that refers to nothing, and for duplicates.
  private static func check(_ suite: Study, _ file: FileSection) throws {
    let problems = suite.problems.map(\.name)
    func check(_ name: String, among names: [String], _ place: String) throws {
      guard names.contains(name) else {
        throw file.wrong(
          place, "there is no \"\(name)\"; there are \(names.joined(separator: ", "))")
      }
    }
    let probes = suite.probes.keys.sorted()
    for method in suite.methods {
      let place = "methods.\(method.name)"
      for problem in method.problems?.sorted() ?? [] {
        try check(problem, among: problems, place)
      }
      switch method.kind {
      case .selection(let choice):
        try check(choice.probe, among: probes, place)
        if let predictor = choice.predictor {
          try check(predictor, among: BaselinePredictors.names, place + ".by")
        }
        if [.interacting, .anchored].contains(choice.solver),
          suite.probes[choice.probe]?.probe.interactions != true
        {
          throw file.wrong(
            place,
            "its probe, \(choice.probe), does not measure interactions: add interactions: true")
        }
      case .groups(_, let probe): try check(probe, among: probes, place)
      case .fixed, .lastLayers, .plan, .measured: break
      }
    }
    if let (first, second) = Study.collision(among: probes, by: \.self) {
      throw file.wrong(
        "probes", "\(first) and \(second) would have one directory", remedy: "rename one of them")
    }
    let families = suite.methods.map(\.family)
    try check(suite.ours, among: families, "ours")
    for family in suite.baselines { try check(family, among: families, "against") }
    guard Set(suite.seeds).count == suite.seeds.count else {
      throw file.wrong("seeds", "one of them occurs twice")
    }
    guard suite.rateSeedCount <= suite.seeds.count else {
      throw file.wrong("rate-seeds", "there are \(suite.seeds.count) seeds")
    }
    for (place, budgets) in [("budgets", suite.budgets)]
      + suite.methods.map({ ("methods.\($0.name).budgets", $0.budgets ?? []) })
    where Set(budgets).count < budgets.count {
      throw file.wrong(place, "one of them occurs twice")
    }
    for (place, rates) in [("learning-rates", suite.learningRates)]
      + suite.methods.map({ ("methods.\($0.name).learning-rates", $0.learningRates ?? []) })
    where Set(rates).count < rates.count {
      throw file.wrong(place, "one of them occurs twice")
    }
    do throws(InvalidSetting) { try Study.check(suite.rows) } catch {
      throw file.wrong("methods", error.description)
    }
  }

  // MARK: - Values

  private static func budget(_ text: String) -> (share: Double, includesHead: Bool)? {
    guard let budget = ParameterBudget(text), case .share(let share) = budget.limit, share <= 1
    else { return nil }
    return (share, budget.includesHead)
  }

  private static func positive<Number: Comparable & Numeric>(_ number: Number?) -> Number? {
    number.flatMap { $0 > 0 ? $0 : nil }
  }

  private static func rank(_ number: Int?) -> Int? {
    number.flatMap { (1...1024).contains($0) ? $0 : nil }
  }

  /// The options of a section, completed by those of `base`.
  private static func parse<Options: ParsableArguments>(
    _ type: Options.Type, _ section: FileSection, with base: FileSection? = nil
  ) throws -> Options {
    let arguments = try (base?.arguments ?? []) + section.arguments
    do { return try Options.parse(arguments) } catch {
      throw section.wrong("", Options.message(for: error))
    }
  }
}
