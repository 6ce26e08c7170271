import Foundation
import PEFTTensor
import Testing

/// Work whose files the command reads back: a way to make them, and the commands that read them.
enum FuzzedWork: String, CaseIterable, CustomTestStringConvertible {
  case run = "a finished run"
  case interruptedRun = "an interrupted run"
  case probe = "influences and a plan"
  case interruptedProbe = "an interrupted probe"
  case interruptedFit = "an interrupted probe along a training run"
  case adaptation = "an adaptation"
  case comparison = "a comparison"
  case suite = "a suite"
  case search = "a search for settings"
  case validation = "a validation"
  case pretraining = "a pretrained model"
  case interruptedPretraining = "an interrupted pretraining"
  case delta = "a delta"
  case adapter = "an adapter"
  case model = "a merged model"
  case options = "options"
  case suiteFile = "the file of a suite"
  case searchFile = "the file of a search"
  case groups = "the file of groups"
  case knapsack = "a knapsack"

  var testDescription: String { rawValue }

  /// Files of one directory, and the commands that read them.
  struct Target {
    /// The directory with the files, for a command that makes them.
    let directory: String
    /// The commands; `DIR` is a copy of the directory, `OUT` a path where nothing is.
    let commands: [[String]]
    /// Whether the files are bound to results: a change that no command refuses must not change
    /// what it does.
    var isBound = true
  }

  /// The options of a job on the data of a workplace.
  private static func task(_ place: Workplace) -> [String] {
    [
      "--model", place.model, "--train", place.train, "--dev", place.dev, "--batch-size", "16",
      "--workers", "1", "--quiet",
    ]
  }

  private static let probing = [
    "--groups", "kind-layer", "--candidates", "lora:1", "--interactions", "--head-steps", "1",
    "--direction-batches", "2", "--probe-batches", "3",
  ]
  private static let fitting = [
    "--groups", "kind", "--estimator", "fit", "--probe-steps", "6", "--period", "2",
  ]
  private static let language = [
    "pretrain", "--target", "causal", "--vocabulary-size", "280", "--hidden-size", "16", "--layers",
    "1", "--heads", "1", "--context", "32", "--steps", "3", "--batch-tokens", "64",
    "--checkpoint-every", "1", "--workers", "1", "--quiet",
  ]

  /// A suite of two rows.
  static func suite(_ place: Workplace) -> String {
    """
    name: small
    question: Does it run?
    models:
      m: {model: \(place.model), pooling: mean}
    tasks:
      t: {train: \(place.train), dev: \(place.dev), test: \(place.dev)}
    recipe: {steps: 1, batch-size: 16}
    seeds: [1, 2]
    budgets: [10%]
    probes:
      p: {groups: kind-layer, candidates: "lora:1", direction-batches: 1, probe-batches: 2, head-steps: 1}
    methods:
      mine: {probe: p, solver: exact}
      bitfit: {method: bitfit}
    ours: mine
    against: [bitfit]

    """
  }

  /// A search of two trials.
  static func search(_ place: Workplace) -> String {
    """
    train: {model: \(place.model), pooling: mean, train: \(place.train), dev: \(place.dev),
            test: \(place.dev), method: bitfit, steps: 1, batch-size: 16}
    vary:
      learning-rate: {log-uniform: [1e-4, 1e-2]}
      schedule: [linear, cosine]
    search: tpe
    trials: 2

    """
  }

  /// Makes the files in `place`.
  func target(in place: Workplace) throws -> Target {
    let task = Self.task(place)
    let directory = place.directory.path("made")
    let train =
      ["train", "--pooling", "first", "--method", "lora", "--rank", "1", "--steps", "3"] + task
    let resumable =
      ["train", "--pooling", "mean", "--method", "bitfit", "--steps", "4", "--evaluate-every", "2"]
      + ["--checkpoint-every", "1"] + task
    let probe = ["probe", "--pooling", "mean"] + Self.probing + task
    let fit = ["probe", "--pooling", "mean"] + Self.fitting + task
    func make(_ commands: [String]...) throws {
      for command in commands {
        let result = try FuzzedCommand.run(command)
        try #require(result.status == 0, "\(command): \(result.errors)")
      }
    }
    func write(_ text: String, to name: String) throws {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
    }
    switch self {
    case .run:
      try make(train + ["--output", directory])
      return Target(
        directory: directory,
        commands: [
          ["evaluate", "DIR", "--data", place.dev, "--json"],
          ["predict", "DIR", "--data", place.dev],
          ["verify", "DIR", "--json"], ["report", "DIR"],
          ["report", "DIR", "DIR", "--output", "OUT"],
          train + ["--output", "DIR", "--resume"], train + ["--output", "DIR", "--overwrite"],
          ["export", "DIR", "--format", "merged", "--output", "OUT"],
          ["export", "DIR", "--format", "peft", "--output", "OUT"],
          ["export", "DIR", "--format", "delta", "--output", "OUT"],
        ])
    case .interruptedRun:
      try FuzzedCommand.interrupt(
        resumable + ["--output", directory], "checkpoint.json", directory)
      return Target(directory: directory, commands: [resumable + ["--output", "DIR", "--resume"]])
    case .probe:
      try make(probe + ["--output", directory], ["select", directory, "--budget", "20%"])
      return Target(
        directory: directory,
        commands: [
          ["select", "DIR", "--budget", "20%", "--json"],
          ["select", "DIR", "--budget", "20%", "--interacting", "--output", "OUT"],
          [
            "select", "DIR", "--budget", "20%", "--for", place.model, "--against", "DIR",
            "--output", "OUT",
          ],
          ["verify", "DIR/plan.json", "--json"], ["verify", "DIR"], ["report", "DIR"],
          probe + ["--output", "DIR", "--resume", "--json"],
          [
            "train", "--pooling", "mean", "--plan", "DIR/plan.json", "--steps", "1", "--output",
            "OUT",
          ]
            + task,
        ])
    case .interruptedProbe, .interruptedFit:
      let command = self == .interruptedProbe ? probe : fit
      try FuzzedCommand.interrupt(
        command + ["--output", directory], "probe-checkpoint.json", directory)
      return Target(
        directory: directory, commands: [command + ["--output", "DIR", "--resume", "--json"]])
    case .adaptation:
      let adapt =
        ["adapt", "--pooling", "mean", "--budget", "20%", "--baselines", "head", "--steps", "2"]
        + task + Self.probing
      try make(adapt + ["--output", directory])
      return Target(
        directory: directory,
        commands: [
          adapt + ["--output", "DIR", "--resume", "--json"], ["report", "DIR"], ["verify", "DIR"],
          ["evaluate", "DIR", "--data", place.dev],
        ])
    case .comparison:
      let compare =
        ["compare", "--pooling", "mean", "--methods", "head,bitfit", "--steps", "1"] + task
      try make(compare + ["--output", directory])
      return Target(
        directory: directory,
        commands: [
          compare + ["--output", "DIR", "--resume", "--json"], ["report", "DIR"],
        ])
    case .suite:
      let file = try place.directory.write(Self.suite(place), to: "suite.yaml")
      let suite = ["suite", file, "--workers", "1", "--quiet", "--json", "--output"]
      try make(suite + [directory])
      return Target(
        directory: directory,
        commands: [suite + ["DIR", "--merge"], suite + ["DIR", "--resume"]])
    case .search:
      let file = try place.directory.write(Self.search(place), to: "tune.yaml")
      let tune = ["tune", file, "--workers", "1", "--quiet", "--json", "--output"]
      try make(tune + [directory])
      return Target(directory: directory, commands: [tune + ["DIR", "--resume"]])
    case .validation:
      let validate =
        ["validate", "--pooling", "mean", "--group-steps", "1", "--group-rates", "1e-3"] + task
        + [
          "--groups", "kind", "--head-steps", "1", "--direction-batches", "1", "--probe-batches",
          "2",
        ]
      try make(validate + ["--output", directory])
      return Target(
        directory: directory,
        commands: [["select", "DIR", "--budget", "60%", "--json"]])
    case .pretraining:
      let pretrain = Self.language + ["--train", place.train]
      try make(pretrain + ["--output", directory])
      return Target(
        directory: directory,
        commands: [
          pretrain + ["--output", "DIR", "--resume", "--json"], ["inspect", "DIR"],
          ["generate", "DIR", "--prompt", "red", "--max-new-tokens", "4"],
        ], isBound: false)
    case .interruptedPretraining:
      let pretrain = Self.language + ["--train", place.train]
      try FuzzedCommand.interrupt(
        pretrain + ["--output", directory], "checkpoint.json", directory)
      return Target(directory: directory, commands: [pretrain + ["--output", "DIR", "--resume"]])
    case .delta:
      let run = place.directory.path("run")
      try make(
        train + ["--output", run], ["export", run, "--format", "delta", "--output", directory])
      return Target(
        directory: directory,
        commands: [
          ["evaluate", "DIR", "--model", place.model, "--data", place.dev, "--json"],
          ["verify", "DIR", "--model", place.model],
          ["apply", "DIR", "--model", place.model, "--output", "OUT"],
          ["export", run, "--format", "delta", "--output", "DIR", "--overwrite"],
        ])
    case .adapter:
      let run = place.directory.path("run")
      try make(
        train + ["--output", run], ["export", run, "--format", "peft", "--output", directory])
      return Target(
        directory: directory,
        commands: [
          ["evaluate", place.model, "--adapter", "DIR", "--data", place.dev],
          ["train", "--pooling", "first", "--adapter", "DIR", "--steps", "1", "--output", "OUT"]
            + task,
        ], isBound: false)
    case .model:
      let run = place.directory.path("run")
      try make(
        train + ["--output", run], ["export", run, "--format", "merged", "--output", directory])
      return Target(
        directory: directory,
        commands: [
          ["inspect", "DIR"], ["evaluate", "DIR", "--data", place.dev],
          ["tokenize", "DIR", "--jsonl"],
        ], isBound: false)
    case .options:
      try write(
        "# a run\nmodel: \(place.model)\ntrain: \(place.train)\nmethod: &m lora\nrank: 1\n"
          + "targets: [query, \"value\"]\npooling: mean\nsteps: 1\nlearning-rate: 5e-4\n"
          + "evaluate-every: 2\nseed: 3\ndev: \(place.dev)\nworkers: 1\n", to: "options.yaml")
      return Target(
        directory: directory,
        commands: [
          ["config", "show", "train", "--config", "DIR/options.yaml"],
          ["train", "--config", "DIR/options.yaml", "--output", "OUT", "--dry-run"],
        ], isBound: false)
    case .suiteFile:
      try write(Self.suite(place), to: "suite.yaml")
      return Target(
        directory: directory,
        commands: [["suite", "DIR/suite.yaml", "--workers", "1", "--output", "OUT", "--merge"]],
        isBound: false)
    case .searchFile:
      try write(Self.search(place), to: "tune.yaml")
      return Target(
        directory: directory,
        commands: [
          [
            "tune", "DIR/tune.yaml", "--workers", "1", "--trials", "1", "--steps", "1", "--output",
            "OUT",
          ]
        ], isBound: false)
    case .groups:
      try write("norms: \"*.norm*\"\nrest: [\"*.weight\", \"*.bias\"]\n", to: "groups.yaml")
      return Target(
        directory: directory,
        commands: [["inspect", place.model, "--groups", "DIR/groups.yaml"]], isBound: false)
    case .knapsack:
      try write("5 10\n6 3\n5.5 4\n1e-3 2\n7 5\n2 1\n", to: "items.txt")
      return Target(
        directory: directory,
        commands: [
          ["knapsack", "DIR/items.txt", "--time-limit", "5"],
          ["knapsack", "DIR/items.txt", "--frontier"],
        ], isBound: false)
    }
  }
}
