import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect

/// Methods over tasks, budgets and seeds, all by one recipe and with the same
/// search for learning rates.
public struct ComparisonSuite: Sendable {
  /// The suite's name.
  public var name: String
  /// What it is to answer, for the report.
  public var question: String
  /// The tasks, each with its model.
  public var problems: [Problem]
  /// One run of every method for each.
  public var seeds: [UInt64]
  /// The rates that every method chooses from, by the mean dev metric of the first
  /// `rateSeedCount` seeds.
  public var learningRates: [Double]
  /// With how many of the seeds every rate is tried.
  public var rateSeedCount: Int
  /// Parameters that may train, the head included, as shares of the model's, ascending.
  public var budgets: [Double]
  /// Probes by name.
  public var probes: [String: InfluenceSettings]
  /// The methods.
  public var methods: [Method]
  /// The family that the suite is about.
  public var ours: String
  /// The families that it is held against: at every budget the best of them on the dev data.
  public var baselines: [String]
  /// Rankings to compare.
  public var agreements: [Agreement]

  /// A suite.
  public init(
    name: String, question: String, problems: [Problem], seeds: [UInt64], learningRates: [Double],
    rateSeedCount: Int = 1, budgets: [Double], probes: [String: InfluenceSettings],
    methods: [Method], ours: String,
    baselines: [String], agreements: [Agreement] = []
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
    self.agreements = agreements
  }

  /// A task with a model.
  public struct Problem: Sendable {
    /// What it is called; unique, whatever the case of its letters.
    public var name: String
    /// Model, data and recipe; method, learning rate and seed are replaced.
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
    /// The budgets of a selection; nil for all of the suite's.
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
    /// What a probe says under each budget.
    case selection(Choice)
    /// Every subset of a probe's groups, one run each, with the first seed.
    case everySubset(probe: String)
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

  /// Two probes whose rankings are compared by Kendall's τ, seed by seed.
  public struct Agreement: Hashable, Sendable {
    /// What is compared, for the report.
    public var name: String
    /// The first probe.
    public var probe: String
    /// Where it was made; nil for every problem.
    public var problem: String?
    /// The probe it is compared with.
    public var otherProbe: String
    /// Where that was made; nil for the same problem.
    public var otherProblem: String?

    /// A comparison of two rankings.
    public init(
      name: String, probe: String, problem: String? = nil, otherProbe: String,
      otherProblem: String? = nil
    ) {
      self.name = name
      self.probe = probe
      self.problem = problem
      self.otherProbe = otherProbe
      self.otherProblem = otherProblem
    }
  }
}
