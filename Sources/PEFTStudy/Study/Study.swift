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
  /// The question that the study answers, for the report.
  public var question: String
  /// The tasks, each with its model.
  public var problems: [Problem]
  /// The seeds; every method trains once with each seed.
  public var seeds: [UInt64]
  /// The learning rates that every method chooses from, by the mean dev metric of the first
  /// `rateSeedCount` seeds; if empty, every run finds its own.
  public var learningRates: [Double]
  /// The number of seeds with which every rate is tried.
  public var rateSeedCount: Int
  /// The limits on trainable parameters as fractions of the model's parameters, in ascending order.
  public var budgets: [Double]
  /// Whether the head, which always trains, is within the budgets rather than beside them.
  public var budgetsIncludeHead: Bool
  /// Probes by name.
  public var probes: [String: InfluenceSettings]
  /// The methods.
  public var methods: [Method]
  /// The family that the study is about.
  public var ours: String
  /// The families to compare with: at every budget, the one that is best on the dev data.
  public var baselines: [String]

  /// Creates a study.
  public init(
    name: String, question: String, problems: [Problem], seeds: [UInt64], learningRates: [Double],
    rateSeedCount: Int = 1, budgets: [Double] = [], budgetsIncludeHead: Bool = true,
    probes: [String: InfluenceSettings] = [:], methods: [Method], ours: String = "",
    baselines: [String] = []
  ) {
    self.name = name
    self.question = question
    self.problems = problems
    self.seeds = seeds
    self.learningRates = learningRates
    self.rateSeedCount = rateSeedCount
    self.budgets = budgets
    self.budgetsIncludeHead = budgetsIncludeHead
    self.probes = probes
    self.methods = methods
    self.ours = ours
    self.baselines = baselines
  }

  /// A task with a model.
  public struct Problem: Sendable {
    /// The name of the problem; unique, ignoring case.
    public var name: String
    /// Model, data and training settings; method, learning rate and seed are replaced.
    public var job: TrainingJob

    /// Creates a problem.
    public init(name: String, job: TrainingJob) {
      self.name = name
      self.job = job
    }
  }

  /// A method, or several that differ only in their budget.
  public struct Method: Sendable {
    /// The name of the method; unique, ignoring case.
    public var name: String
    /// The family in which the method is counted; the ranks of LoRA are one family.
    public var family: String
    /// What the method trains.
    public var kind: Kind
    /// The names of the problems it applies to; nil for all.
    public var problems: Set<String>?
    /// The budgets of a selection; nil for all budgets of the study.
    public var budgets: [Double]?
    /// The learning rates that the method chooses from; nil for those of the study. If empty, every
    /// run finds its own.
    public var learningRates: [Double]?

    /// Creates a method.
    public init(
      name: String, family: String? = nil, kind: Kind, problems: Set<String>? = nil,
      budgets: [Double]? = nil, learningRates: [Double]? = nil
    ) {
      self.name = name
      self.family = family ?? name
      self.kind = kind
      self.problems = problems
      self.budgets = budgets
      self.learningRates = learningRates
    }
  }

  /// What a method trains.
  public enum Kind: Sendable {
    /// A method that is the same for every task.
    case fixed(any AdaptationMethod)
    /// All tensors of the last k layers.
    case lastLayers(Int)
    /// Groups of a probe's rule, by name.
    case groups([String], probe: String)
    /// The selection of a plan, with the time of probing and selecting in seconds.
    case plan(Plan, seconds: Double)
    /// A selection from a probe under each budget.
    case selection(Choice)
    /// What the main job chooses by itself under each budget.
    case measured(MeasuredChoice)
  }

  /// How a selection is made from the results of a probe.
  public struct Choice: Hashable, Sendable {
    /// The name of the probe.
    public var probe: String
    /// The name of a simple predictor that values the groups; nil for their influence.
    public var predictor: String?
    /// The rule by which slope and curvature become a value; nil for the probe's rule.
    public var rule: InfluenceRule?
    /// The solver that fills the budget.
    public var solver: SelectionSolver

    /// Creates a choice.
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
  /// The number of runs of a row, including those that only serve to choose the learning rate.
  func runCount(of row: StudyRow) -> Int {
    let trialSeeds = min(rateSeedCount, seeds.count)
    return trialSeeds * max(1, row.learningRates.count) + seeds.count - trialSeeds
  }

  /// The probes that no selection uses.
  ///
  /// A suite measures them on every problem, for comparison.
  public var unusedProbes: [String] {
    let used = methods.compactMap { method in
      if case .selection(let choice) = method.kind { choice.probe } else { nil }
    }
    return probes.keys.filter { !used.contains($0) }.sorted()
  }
}
