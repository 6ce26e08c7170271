import ArgumentParser
import Foundation
import PEFTModels
import PEFTTensor
import PEFTTrain

struct QuickstartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quickstart",
    abstract: "Runs the whole job on data that every Debian machine has.",
    discussion: """
      Sorts package descriptions into their sections. The texts come from this machine's package \
      index. A small model first learns one half of the sections whole, from random weights; then the \
      other half is the task for `adapt`: measure, choose under a budget, train, compare.

      Example:
        peft quickstart --output quickstart-run
      """)

  @Option(help: "Run directory to write.")
  var output = "quickstart-run"

  @Flag(help: "Replace the run in --output.")
  var overwrite = false

  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    try common.start()
    let (records, source) = try PackageIndex.load()
    var order = SeededGenerator(seed: 1, purpose: "packages")
    let data = try PackageDescriptions(records, path: source) { order.permutation($0) }
    common.note(
      "package descriptions from \(source): \(data.train.count) to train, \(data.dev.count) dev, "
        + "\(data.test.count) test")
    let (model, files) = (output + "-model", output + "-data")
    let halves = Self.halves(of: data)
    try SmallModel.write(to: model, texts: data.train.map(\.text))
    common.note(
      "no small pretrained model is bundled yet: \(model) is trained here, on the sections "
        + halves.first.sorted().joined(separator: ", "))
    try pretrain(model, on: write(data, sections: halves.first, to: files + "/base"))
    let paths = try write(data, sections: halves.second, to: files + "/task")
    common.note("the task: the sections " + halves.second.sorted().joined(separator: ", "))
    var base = job(model, paths)
    base.settings.length = .epochs(4)
    try AdaptSession(
      base: base, output: output, overwrite: overwrite, reuseProbe: false,
      names: ["lora", "bitfit", "head", "full"],
      comparison: try ComparisonOptions.parse([
        "--budget", "1%", "--learning-rates", "1e-3,4e-3",
      ]),
      groups: try GroupOptions.parse(["--candidates", "lora:1,2,4"]),
      probe: try ProbeOptions.parse(["--direction-batches", "12"]),
      training: try TrainingOptions.parse([]), common: common
    ).run()
    common.note(
      "next: peft predict \(output) --data \(paths.test)\n"
        + "  or: peft select \(output) --budget 5%")
  }

  private typealias Paths = (train: String, dev: String, test: String)

  /// The sections to learn first, and those of the task: every second by name; all for both where there
  /// are too few to share out.
  private static func halves(
    of data: PackageDescriptions
  ) -> (first: Set<String>, second: Set<String>) {
    let names = Set(data.train.compactMap(\.label)).sorted()
    guard names.count >= 4 else { return (Set(names), Set(names)) }
    let first = names.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
    return (Set(first), Set(names).subtracting(first))
  }

  /// Writes the examples of `sections` as JSON lines.
  private func write(
    _ data: PackageDescriptions, sections: Set<String>, to stem: String
  ) throws -> Paths {
    let paths = (stem + "-train.jsonl", stem + "-dev.jsonl", stem + "-test.jsonl")
    for (path, examples) in [
      (paths.0, data.train), (paths.1, data.dev), (paths.2, data.test),
    ] {
      try JSONLinesFile.write(
        examples.filter { $0.label.map(sections.contains) ?? false }, to: path)
    }
    return paths
  }

  private func job(_ model: String, _ paths: Paths) -> TrainingJob {
    var job = TrainingJob(modelDirectory: model, trainPath: paths.train, method: FullTuning())
    job.devPath = paths.dev
    job.testPath = paths.test
    job.pooling = .mean
    job.maximumLength = 64
    return job
  }

  /// Trains the model whole and puts its weights back into its directory.
  private func pretrain(_ model: String, on paths: Paths) throws {
    var job = job(model, paths)
    job.settings.learningRate = 1e-3
    job.settings.length = .epochs(4)
    let prepared = try job.prepare()
    let progress = ProgressLine(isQuiet: common.quiet)
    Interruption.watch()
    let outcome = try train(
      prepared.model, on: prepared.train, evaluatingOn: prepared.dev, task: prepared.task,
      settings: job.settings, shouldStop: { Interruption.isRequested }, observe: progress.show)
    guard outcome.ending != .interrupted else {
      throw InterruptedEarly(description: "interrupted while the small model was trained")
    }
    try prepared.model.writeWeights(to: model)
  }
}
