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
      Each line has the label (for several labels of a text, all labels whose probabilities reach \
      their thresholds), the probability of every class and the logits; for a regression task, the \
      value; for tags, the words with their tags. It ends with the row's id (its id column, or its \
      number) and text. With --output-format csv or tsv, a table has these columns: \
      id, text, label, labels or value, and the probability of every class under its name; for tags id, \
      word and tag, with a line for each word. In TSV, tabs and line ends in a text become spaces.

      A run reads format and columns as it did in training, unless they are given.

      Examples:
        peft predict runs/lora --data new.jsonl > predictions.jsonl
        peft predict runs/lora --data new.csv --output-format csv > predictions.csv
        peft predict runs/lora --text "a fine film" --text "a dull one"
        head new.txt | peft predict runs/lora --data -
      """)

  @Argument(help: "Run directory, or model directory with a trained head.", completion: .directory)
  var model: String

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(
      name: .customLong("data"),
      help: """
        Data to predict, with or without labels; - is standard input (JSON lines, or one text per \
        line).
        """, completion: .file())
    var dataPath: String?

    @Option(help: "A text to predict, instead of --data; may be given several times.")
    var text: [String] = []

    @Option(help: "The second text of a pair, one for each --text.")
    var pair: [String] = []

    @Option(help: "Format of the predictions.")
    var outputFormat = PredictionFormat.jsonl
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Main options") var threshold: ThresholdOptions
  @OptionGroup(title: "Base and adapter") var adapters: AdapterOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if (main.dataPath == nil) == main.text.isEmpty {
      throw ValidationError("--data or --text: give one of them")
    }
    if !main.pair.isEmpty, main.pair.count != main.text.count {
      throw ValidationError(
        "--pair: give one for each --text; there are \(main.pair.count) and \(main.text.count)")
    }
    if main.dataPath == nil, data.format != nil || data.columns != nil {
      throw ValidationError("--format and --columns: they go with --data")
    }
    if common.json, main.outputFormat != .jsonl {
      throw ValidationError("--json and --output-format exclude each other")
    }
  }

  func run() throws {
    try common.start()
    let trained = try adapters.open(model)
    guard let task = trained.task, !task.isLanguage else {
      throw InvalidSetting("\(model) is a language model: generate text with `peft generate`")
    }
    let answering = try threshold.applied(to: task)
    if let message = answering.calibrationNote { common.note(message) }
    let data = try read(for: trained)
    let rows = data.rows
    data.notes.forEach { common.note($0) }
    DataReader.warnings(about: rows.examples, path: rows.path).forEach { common.note($0) }
    let encoded = try answering.encodeUnlabelled(rows, by: data.reader)
    DataSummary(rows, as: task, encoded: encoded, maximumLength: data.reader.maximumLength).lines
      .forEach { common.note($0) }
    let lines = PredictionLines(
      format: main.outputFormat, task: task, hasPairs: rows.examples.first?.pair != nil)
    if let header = lines.header { Console.output(header) }
    var index = 0
    trained.model.predict(encoded) { logits in
      let example = rows.examples[index]
      let prediction = answering.prediction(
        logits, of: example, words: encoded.predictedWords(index))
      for line in lines.lines(prediction, of: example, index: index) { Console.output(line) }
      index += 1
    }
  }

  private func read(for trained: TrainedModel) throws -> TrainedModel.ReadData {
    guard let dataPath = main.dataPath else {
      let texts = main.text.enumerated().map { index, text in
        (text: text, pair: main.pair.isEmpty ? nil : main.pair[index])
      }
      return try trained.data(of: texts, name: "`text`")
    }
    return try trained.data(
      at: dataPath, format: data.format, columns: data.columns, kind: trained.kind(.auto),
      needsLabels: false)
  }
}

extension PredictionFormat: ExpressibleByArgument {}
