import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Prints the prediction for every row as a JSON line.",
    discussion: """
      Each line has the label, the probability of every class and the logits. For a regression \
      task, it has the value.

      Example:
        peft predict runs/lora --data new.jsonl > predictions.jsonl
      """)

  @Argument(help: "Run directory, or model directory with a trained head.")
  var model: String

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(name: .customLong("data"), help: "Data to predict, with or without labels.")
    var dataPath: String
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Base and adapter") var adapters: AdapterOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    try common.start()
    let dataPath = main.dataPath
    let trained = try adapters.open(model)
    guard let task = trained.task, !task.isLanguage else {
      throw InvalidSetting("\(model) is a language model: generate text with `peft generate`")
    }
    let reader = try trained.reader(format: data.format, columns: data.columns)
    let rows = try reader.rows(dataPath, kind: trained.kind(.auto))
    DataReader.warnings(about: rows.examples, path: dataPath).forEach { common.note($0) }
    let encoded = try task.encodeUnlabelled(rows, by: reader)
    DataSummary(rows, as: task, encoded: encoded, maximumLength: reader.maximumLength).lines
      .forEach { common.note($0) }
    var index = 0
    trained.model.predict(encoded) { logits in
      Console.output(
        .object(
          task.prediction(
            logits, of: rows.examples[index], words: encoded.predictedWords(index))))
      index += 1
    }
  }
}
