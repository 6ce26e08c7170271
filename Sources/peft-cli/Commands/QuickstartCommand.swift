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
      Sorts package descriptions into their sections. The texts come from this machine's package
      index. The model is small and starts from random weights.

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
    let model = output + "-model"
    let files = output + "-data"
    try SmallModel.write(to: model, texts: data.train.map(\.text))
    common.note(
      "no small pretrained model is bundled yet: \(model) starts from random weights, so expect "
        + "less than from a pretrained one")
    var paths: [String] = []
    for (name, examples) in [("train", data.train), ("dev", data.dev), ("test", data.test)] {
      paths.append("\(files)/\(name).jsonl")
      try JSONLinesFile.write(examples, to: paths[paths.count - 1])
    }
    var job = TrainingJob(
      modelDirectory: model, trainPath: paths[0], method: FullTuning())
    job.devPath = paths[1]
    job.testPath = paths[2]
    job.pooling = .mean
    job.maximumLength = 64
    job.settings.learningRate = 1e-3
    job.settings.length = .epochs(4)
    try TrainingSession(job: job, common: common).run(
      to: output, overwriting: overwrite, dryRun: false)
    common.note(
      "next: peft predict \(output) --data \(paths[2])\n"
        + "  or: peft train --model \(model) --train \(paths[0]) --dev \(paths[1]) --pooling mean "
        + "--method bitfit --output bitfit-run")
  }
}
