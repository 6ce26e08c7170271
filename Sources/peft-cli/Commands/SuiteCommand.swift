import ArgumentParser
import PEFTRuns
import PEFTStudy
import PEFTTensor

struct SuiteCommand: ParsableCommand, RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "suite",
    abstract: "Compares methods over models, tasks, budgets and seeds, with statistics.",
    discussion: """
      A suite is a YAML file with models, tasks, training settings, seeds, learning rates, budgets, \
      probes and methods. When all its runs are done, the command writes results.csv, suite.json \
      and report.html.

      Several processes can share the work in one --output with --shard claim in each, or with \
      --shard 1/4, 2/4 and so on; --merge then collects the results. Started by mpirun or srun, the \
      processes share the work and collect the results by themselves.

      Examples:
        peft suite Benchmarks/comparison/small.yaml --output runs/suite
        peft suite suite.yaml --output runs/shared --shard claim
        peft suite suite.yaml --output runs/shared --merge
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Argument(
      help: "YAML file of the suite; it defines everything that is compared.",
      completion: .file(extensions: ["yaml", "yml"]))
    var suite: String

    @Option(help: "Directory to write.", completion: .directory)
    var output: String

    @Flag(help: "Replace the suite in --output.")
    var overwrite = false

    @Flag(help: "Resume the suite in --output; finished runs and probes are kept.")
    var resume = false

    @Option(
      help: """
        Run only a part of the rows, beside other processes: a fixed one, such as 2/4, or with \
        claim whatever no other process has claimed, until all is complete.
        """)
    var shard: String?

    @Flag(help: "Train nothing; collect the results of the shards.")
    var merge = false
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let shard = main.shard, SuiteSession.Share(shard) == nil {
      throw ValidationError(
        "--shard \(shard): give a part and the number of parts, such as 2/4, or claim")
    }
    if main.merge, main.shard != nil || main.overwrite {
      throw ValidationError("--merge: it trains nothing; leave out --shard and --overwrite")
    }
    if main.overwrite, main.shard != nil {
      throw ValidationError("--shard: other processes work in --output too; leave out --overwrite")
    }
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
  }

  func run() throws {
    try Ranks.agree([
      ("the version of peft", packageVersion),
      ("the instruction set", VectorKernels.active.instructionSet.rawValue),
      ("the core of BLAS", Processor.blasCoreName), ("output", main.output),
      ("the suite's SHA-256", Fingerprint.file(main.suite)), ("overwrite", "\(main.overwrite)"),
      ("resume", "\(main.resume)"),
    ])
    try SuiteSession(
      study: try SuiteFile.read(main.suite), output: main.output,
      overwrite: main.overwrite, resume: main.resume,
      share: main.shard.flatMap(SuiteSession.Share.init), merge: main.merge, common: common
    ).run()
  }

  /// Rewrites `compare --suite FILE …`, the form in earlier versions, as `suite FILE …`.
  static func renamed(_ arguments: [String]) -> [String] {
    guard arguments.first == CompareCommand._commandName,
      let place = arguments.firstIndex(where: { $0 == "--suite" || $0.hasPrefix("--suite=") })
    else { return arguments }
    var others = Array(arguments.dropFirst())
    let option = others.remove(at: place - 1)
    if option != "--suite" {
      return [Self._commandName, String(option.dropFirst("--suite=".count))] + others
    }
    guard place - 1 < others.count else { return [Self._commandName] + others }
    let file = others.remove(at: place - 1)
    return [Self._commandName, file] + others
  }
}
