import ArgumentParser
import PEFTTensor
import PEFTTrain

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measures a run, or a model with a trained head, on data.",
    discussion: """
      Example:
        peft evaluate runs/lora --data test.tsv
      """)

  @Argument(help: "Run directory, or model directory with a trained head.")
  var model: String

  @Option(name: .customLong("data"), help: "Labelled data.")
  var dataPath: String

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    try common.start()
    let trained = try TrainedModel.open(model)
    let examples = try DataReader.read(path: dataPath, format: data.format, columns: data.columns)
    DataReader.warnings(about: examples, path: dataPath).forEach { common.note($0) }
    let targets = try trained.task.targets(of: examples, path: dataPath)
    let encoded = EncodedDataset(
      examples, targets: targets, tokenizer: trained.tokenizer,
      maximumLength: trained.maximumLength)
    if encoded.truncatedCount > 0 {
      common.note(
        "\(encoded.truncatedCount) texts were cut to \(trained.maximumLength) tokens")
    }
    let metrics = trained.model.evaluate(encoded, task: trained.task).metrics
    if common.json {
      Console.output(
        .object(["metrics": RunManifest.json(of: metrics), "examples": .integer(examples.count)]))
      return
    }
    var table = TextTable(header: ["metric", "value"])
    for (name, value) in metrics { table.add([name, ProgressLine.format(value)]) }
    table.lines(width: .max).forEach { Console.output($0) }
    Console.output("\(examples.count.grouped) examples")
  }
}
