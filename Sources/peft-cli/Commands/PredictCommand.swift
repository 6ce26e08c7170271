import ArgumentParser
import Foundation
import PEFTModels
import PEFTTensor
import PEFTTrain

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
    let examples = try DataReader.read(path: dataPath, format: data.format, columns: data.columns)
    DataReader.warnings(about: examples, path: dataPath).forEach { common.note($0) }
    guard let task = trained.task, !task.isLanguage else {
      throw InvalidSetting("\(model) is a language model: generate text with `peft generate`")
    }
    let encoded = EncodedDataset(
      examples, targets: nil, tokenizer: trained.tokenizer, maximumLength: trained.maximumLength)
    if encoded.truncatedCount > 0 {
      common.note(
        "\(encoded.truncatedCount) texts were cut to \(trained.maximumLength) tokens, as in training"
      )
    }
    trained.model.predict(encoded) { Console.output(Self.document($0, task: task)) }
  }

  static func document(_ logits: [Float], task: PredictionTask) -> JSONValue {
    let values = JSONValue.array(logits.map { .number(Double($0)) })
    guard case .classification(let labels) = task else {
      return .object(["value": .number(Double(logits[0])), "logits": values])
    }
    let largest = logits.reduce(-Double.infinity) { max($0, Double($1)) }
    let exponentials = logits.map { exp(Double($0) - largest) }
    let sum = exponentials.reduce(0, +)
    var probabilities = JSONObject()
    for (name, value) in zip(labels.names, exponentials) {
      probabilities[name] = .number(value / sum)
    }
    return .object([
      "label": .string(labels.names[TransformerModel.largest(of: logits)]),
      "probabilities": .object(probabilities), "logits": values,
    ])
  }
}
