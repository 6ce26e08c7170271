import ArgumentParser
import PEFTStudy

struct TuneCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Searches for the best settings of a training run.",
    discussion: """
      FILE is a YAML file. Under train, it has options of `peft train` by name; under vary, those \
      that differ between trials, each with a list of values or a range:

        train: {model: minilm, train: train.tsv, dev: dev.tsv, test: test.tsv,
                method: lora, steps: 300}
        vary:
          learning-rate: {log-uniform: [1e-5, 1e-2]}
          rank: [2, 4, 8, 16]
          weight-decay: {uniform: [0, 0.1]}
        search: tpe
        trials: 20

      The ranges are uniform, log-uniform, integer and log-integer. Any option of `peft train` that \
      does not change the data can vary, and settings of the method, as set.NAME.

      Trials are judged on the dev data. The test data are measured once, for the best trial, whose \
      run is in OUTPUT/best.

      Examples:
        peft tune tune.yaml --output runs/tune
        peft tune tune.yaml --search halving --trials 27 --output runs/halving
        peft tune tune.yaml --trials 40 --resume --output runs/tune
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Argument(
      help: "YAML file with the options that are fixed and those that vary.",
      completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(help: "Directory to write.", completion: .directory)
    var output: String

    @Option(
      help: """
        How to search: random; tpe, the tree-structured Parzen estimator; or halving, which trains \
        only the best trials to the end. (default: the file's search, or tpe)
        """)
    var search: String?

    @Option(help: "The largest number of trials. (default: the file's trials, or 20)")
    var trials: Int?

    @Option(help: "Training steps of every trial, instead of the file's steps or epochs.")
    var steps: Int?

    @Option(help: "Seed of the search; the file's train section has that of the runs. (default: 1)")
    var seed: UInt64?

    @Flag(help: "Replace the search in --output.")
    var overwrite = false

    @Flag(
      help: """
        Resume the search in --output; finished trials are kept. With more --trials, it continues, \
        except with halving.
        """)
    var resume = false

    @Option(
      help: "Steps between a run's checkpoints, in addition to those after every evaluation.")
    var checkpointEvery: Int?
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let search = main.search, !TuneFile.strategies.contains(search) {
      throw ValidationError(
        "--search \(search): there are \(TuneFile.strategies.joined(separator: ", "))")
    }
    if let trials = main.trials, !(1...TuneFile.trialLimit).contains(trials) {
      throw ValidationError("--trials: give a number from 1 to \(TuneFile.trialLimit)")
    }
    if let steps = main.steps, steps <= 0 {
      throw ValidationError("--steps: give a positive number")
    }
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    if let checkpointEvery = main.checkpointEvery, checkpointEvery <= 0 {
      throw ValidationError("--checkpoint-every: give a positive number")
    }
  }

  func run() throws {
    let file = try TuneFile(
      main.file,
      TuneFile.Overrides(
        strategy: main.search, trials: main.trials, steps: main.steps, seed: main.seed))
    try TuneSession(file: file, main: main, common: common).run()
  }
}
