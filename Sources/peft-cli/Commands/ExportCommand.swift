import ArgumentParser
import PEFTReport
import PEFTRuns
import PEFTTensor

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Exports a run as a merged model, a delta, a Hugging Face PEFT adapter or ONNX.",
    discussion: """
      merged  a model directory that transformers loads
      delta   only the tensors that trained, bound to the base model by SHA-256
      peft    an adapter that PEFT loads
      onnx    the merged model as a graph for ONNX Runtime (encoders other than ModernBERT)

      The commands evaluate, predict, verify and apply accept a delta like a run, with --model for \
      the base model. A peft adapter holds a module in full if more of it trained than an adapter. \
      The command reads back what it wrote, except ONNX, and compares its logits with the run's. \
      Every export has a model card, README.md.

      Example:
        peft export runs/lora --format peft --output adapters/lora
      """)

  @Argument(help: "Run directory or delta.", completion: .directory)
  var directory: String

  @Option(help: "Format to write.")
  var format: RunExport.Format

  @Option(help: "Directory to write.", completion: .directory)
  var output: String

  @Option(
    name: .customLong("model"),
    help: "Directory of the base model, if it has moved since the training.", completion: .directory
  )
  var base: String?

  @Flag(help: "Write even if the directory is not empty.")
  var overwrite = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.start()
    try ExportSession(common: common).write(
      directory, base: base, as: format, to: output, overwriting: overwrite)
  }
}

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Applies a delta to its base model and writes the merged model directory.",
    discussion: """
      The base model must have the weights, configuration and tokenizer that the delta was made on; \
      the command refuses any other.

      Example:
        peft apply deltas/sst2 --model minilm --output minilm-sst2
      """)

  @Argument(help: "Delta that `peft export` wrote, or run directory.", completion: .directory)
  var delta: String

  @Option(name: .customLong("model"), help: "Directory of the base model.", completion: .directory)
  var base: String

  @Option(help: "Model directory to write.", completion: .directory)
  var output: String

  @Flag(help: "Write even if the directory is not empty.")
  var overwrite = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.start()
    try ExportSession(common: common).write(
      delta, base: base, as: .merged, to: output, overwriting: overwrite)
  }
}

/// Runs an export and shows its result.
private struct ExportSession {
  let common: CommonOptions

  func write(
    _ run: String, base: String?, as format: RunExport.Format, to output: String,
    overwriting: Bool
  ) throws {
    let outcome = try RunExport(run, base: base).write(
      format, to: output, overwriting: overwriting)
    if common.json {
      var files = JSONObject()
      for (name, count) in outcome.files { files[name] = .integer(count) }
      Console.output(
        .object([
          "output": .string(output), "format": .string(format.rawValue), "files": .object(files),
          "largestDifference": outcome.largestDifference.map { .number($0) } ?? .null,
          "largestLogit": .number(outcome.largestLogit),
        ]))
      return
    }
    var table = TextTable(header: [output, "bytes"])
    for (name, count) in outcome.files { table.add([name, count.grouped]) }
    table.lines(width: .max).forEach { Console.output($0) }
    guard let difference = outcome.largestDifference else { return }
    Console.output(
      "read back: logits differ by at most \(difference), the largest is \(outcome.largestLogit)")
  }
}

extension RunExport.Format: ExpressibleByArgument {}
