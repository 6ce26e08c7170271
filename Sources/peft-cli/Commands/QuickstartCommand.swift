import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTNetwork
import PEFTSelect
import PEFTStudy
import PEFTTensor

struct QuickstartCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "quickstart",
    abstract: "Runs adapt on data that every Debian machine has.",
    discussion: """
      The task is to sort package descriptions into their sections, or with --task tags to predict \
      the several tags of each package. The texts come from this machine's package index. The \
      model is a small RoBERTa that comes with peft; it was pretrained on such descriptions and on \
      novels.

      Examples:
        peft quickstart --output quickstart-run
        peft quickstart --task tags --output tags-run
      """)

  /// What is predicted.
  enum Task: String, CaseIterable, ExpressibleByArgument {
    case sections, tags
  }

  @Option(help: "What to predict: sections (one for each package) or tags (several).")
  var task = Task.sections

  @Option(help: "Run directory to write.", completion: .directory)
  var output = "quickstart-run"

  @Flag(help: "Replace the run in --output.")
  var overwrite = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.start()
    // A slash at its end would put the model and the data into it.
    let end = self.output.lastIndex { $0 != "/" } ?? self.output.startIndex
    let output = String(self.output[...end])
    let (model, files) = (output + "-model", output + "-data")
    // Check before the model and the data of an existing run are replaced.
    for (path, kind) in [
      (output, OutputDirectory.Kind.adaptation), (model, .model), (files, .data),
    ] {
      try OutputDirectory.check(path, as: kind, overwriting: overwrite)
    }
    let (records, source) = try PackageIndex.load()
    let data = try examples(records, source)
    common.note(
      "package descriptions from \(source): \(data.train.count) to train, \(data.dev.count) dev, "
        + "\(data.test.count) test")
    try BundledModel.copy(BundledModel.roberta, to: model, overwriting: overwrite)
    let paths = try write(
      data, to: OutputDirectory.new(files, as: .data, overwriting: overwrite))
    common.note(
      "the task: predict \(task == .tags ? "the tags, any of" : "the section, one of") "
        + data.labels.joined(separator: ", ")
        + "; the model: \(model), pretrained, with no head yet")
    var base = job(model, paths)
    base.settings.length = .epochs(4)
    var adapt = AdaptJob(base, budget: .share(0.01))
    adapt.choice.influence.candidates = AdapterCandidates(
      ranks: [1, 2, 4], elements: [512])
    adapt.smallerBudgets = [ParameterBudget(.share(0.0005), includesHead: false)]
    adapt.choice.influence.probe.path = .held(directionBatches: 36)
    adapt.choice.influence.probe.probeCount = 36
    adapt.baselines = ["lora", "bitfit", "head", "full"]
    try AdaptSession(
      job: adapt, output: output, start: overwrite ? .overwriting : .new, reusesProbe: false,
      common: common, linesAfter: 2
    ).run()
    common.note(
      "next: peft predict \(output) --data \(paths.test)\n"
        + "  or: peft select \(output) --budget 5% --output \(output)-5")
  }

  private typealias Paths = (train: String, dev: String, test: String)

  private typealias Examples = (
    train: [TextExample], dev: [TextExample], test: [TextExample], labels: [String]
  )

  private func examples(
    _ records: [PackageDescriptions.Record], _ source: String
  ) throws -> Examples {
    var order = SeededGenerator(seed: 1, purpose: "packages")
    switch task {
    case .tags:
      let data = try PackageTags(records, path: source) { order.permutation($0) }
      return (data.train, data.dev, data.test, data.tags)
    case .sections:
      let data = try PackageDescriptions(records, path: source) { order.permutation($0) }
      let names = Set(data.train.compactMap(\.label)).sorted()
      // Every second section by name, to save time; all sections if there are few.
      let chosen =
        names.count < 4
        ? names : names.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
      func part(_ examples: [TextExample]) -> [TextExample] {
        examples.filter { $0.label.map(chosen.contains) ?? false }
      }
      return (part(data.train), part(data.dev), part(data.test), chosen)
    }
  }

  /// Writes the examples as JSON lines.
  private func write(_ data: Examples, to output: OutputDirectory) throws -> Paths {
    let paths = (
      try output.file("task-train.jsonl"), try output.file("task-dev.jsonl"),
      try output.file("task-test.jsonl")
    )
    for (path, examples) in [
      (paths.0, data.train), (paths.1, data.dev), (paths.2, data.test),
    ] {
      try JSONLinesFile.write(examples, to: path)
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
}
