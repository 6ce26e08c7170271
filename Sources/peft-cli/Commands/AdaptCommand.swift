import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTTrain

struct AdaptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapt",
    abstract: "The main job: measures influence, chooses under a budget, trains, and compares.",
    discussion: """
      Writes influence.json, plan.json, frontier.csv, the trained run, comparison.json and report.html.

      Example:
        peft adapt --model minilm --train train.tsv --dev dev.tsv --budget 0.5% \\
          --baselines lora,bitfit,head,full --output runs/adapt
      """)

  @OptionGroup var task: TaskOptions

  @Option(help: "Run directory to write.")
  var output: String

  @Flag(help: "Replace the run in --output.")
  var overwrite = false

  @Flag(
    help: """
      Go on with the job in --output, with the same options: what is measured and trained stays, a probe or run \
      in the middle goes on to the same bits.
      """)
  var resume = false

  @Flag(
    help:
      "Take influence.json from --output where it is of these weights, instead of probing again.")
  var reuseProbe = false

  @Option(
    help: """
      Methods to compare with: full, lora, bitfit, norm, head; none for no comparison. (default: lora,bitfit,head; \
      a language model has no head)
      """)
  var baselines: String?

  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Groups") var groups: GroupOptions
  @OptionGroup(title: "Probe") var probe: ProbeOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// The baselines asked for; nil for the usual ones.
  private var names: [String]? {
    baselines.map { $0 == "none" ? [] : $0.split(separator: ",").map(String.init) }
  }

  func validate() throws {
    if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
    guard comparison.budget != nil else {
      throw ValidationError("--budget: say how many parameters may train, such as 0.5%")
    }
    if let wrong = names?.first(where: { !AdaptationMethods.names.contains($0) }) {
      throw ValidationError(
        "--baselines \(wrong): there are \(AdaptationMethods.names.joined(separator: ", ")), none")
    }
    try comparison.checkRates(training, dev: task.dev)
  }

  func run() throws {
    try common.start()
    let base = task.job(FullTuning(), settings: training.settings(usualLearningRate: 1e-3))
    try AdaptSession(
      base: base, output: output, overwrite: overwrite, resume: resume, reuseProbe: reuseProbe,
      names: names,
      comparison: comparison, groups: groups, probe: probe, training: training, common: common
    ).run()
  }
}
