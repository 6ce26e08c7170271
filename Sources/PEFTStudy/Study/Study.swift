import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect

/// Methods over tasks, budgets and seeds, all with the same training settings and the same search
/// for learning rates.
///
/// A comparison of methods on one task is a study of one problem; a suite is a study of many.
public struct Study: Sendable {
  /// The study's name.
  public var name: String
  /// What it is to answer, for the report.
  public var question: String
  /// The tasks, each with its model.
  public var problems: [Problem]
  /// Every method trains once with each.
  public var seeds: [UInt64]
  /// The rates that every method chooses from, by the mean dev metric of the first
  /// `rateSeedCount` seeds; empty takes the rate that usually suits the method.
  public var learningRates: [Double]
  /// With how many of the seeds every rate is tried.
  public var rateSeedCount: Int
  /// Parameters that may train, the head included, as shares of the model's, ascending.
  public var budgets: [Double]
  /// Probes by name.
  public var probes: [String: InfluenceSettings]
  /// The methods.
  public var methods: [Method]
  /// The family that the study is about.
  public var ours: String
  /// The families that it is compared with: at every budget the best of them on the dev data.
  public var baselines: [String]

  /// A study.
  public init(
    name: String, question: String, problems: [Problem], seeds: [UInt64], learningRates: [Double],
    rateSeedCount: Int = 1, budgets: [Double] = [], probes: [String: InfluenceSettings] = [:],
    methods: [Method], ours: String = "", baselines: [String] = []
  ) {
    self.name = name
    self.question = question
    self.problems = problems
    self.seeds = seeds
    self.learningRates = learningRates
    self.rateSeedCount = rateSeedCount
    self.budgets = budgets
    self.probes = probes
    self.methods = methods
    self.ours = ours
    self.baselines = baselines
  }

  /// A task with a model.
  public struct Problem: Sendable {
    /// What it is called; unique, whatever the case of its letters.
    public var name: String
    /// Model, data and training settings; method, learning rate and seed are replaced.
    public var job: TrainingJob

    /// A task with a model.
    public init(name: String, job: TrainingJob) {
      self.name = name
      self.job = job
    }
  }

  /// A method, or several that differ in their budget only.
  public struct Method: Sendable {
    /// What it is called; unique, whatever the case of its letters.
    public var name: String
    /// What it is counted with: LoRA's ranks are one family.
    public var family: String
    /// What trains.
    public var kind: Kind
    /// The problems it is for; nil for all.
    public var problems: Set<String>?
    /// The budgets of a selection; nil for all of the study's.
    public var budgets: [Double]?

    /// A method.
    public init(
      name: String, family: String? = nil, kind: Kind, problems: Set<String>? = nil,
      budgets: [Double]? = nil
    ) {
      self.name = name
      self.family = family ?? name
      self.kind = kind
      self.problems = problems
      self.budgets = budgets
    }
  }

  /// What trains.
  public enum Kind: Sendable {
    /// The same whatever the task.
    case fixed(any AdaptationMethod)
    /// Every tensor of the last k layers.
    case lastLayers(Int)
    /// These groups of a probe's rule, by name.
    case groups([String], probe: String)
    /// What a plan selected, and the seconds of probing and selecting.
    case plan(Plan, seconds: Double)
    /// What a probe says under each budget.
    case selection(Choice)
  }

  /// How a selection is made from what a probe found.
  public struct Choice: Hashable, Sendable {
    /// The probe.
    public var probe: String
    /// The name of a simple predictor that says what groups are worth; nil for their value.
    public var predictor: String?
    /// How slope and curvature become a value; nil as probed.
    public var rule: InfluenceRule?
    /// How the budget is filled.
    public var solver: SelectionSolver

    /// A choice.
    public init(
      probe: String, predictor: String? = nil, rule: InfluenceRule? = nil, solver: SelectionSolver
    ) {
      self.probe = probe
      self.predictor = predictor
      self.rule = rule
      self.solver = solver
    }
  }
}

extension Study {
  /// The probes that no selection uses: a suite measures them on every problem, for comparison.
  public var unusedProbes: [String] {
    let used = methods.compactMap { method in
      if case .selection(let choice) = method.kind { choice.probe } else { nil }
    }
    return probes.keys.filter { !used.contains($0) }.sorted()
  }
}
