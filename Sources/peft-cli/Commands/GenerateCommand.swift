import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Generates text from prompts with a causal language model.",
    discussion: """
      The command prints one JSON line with prompt and text for each prompt. On a terminal, the text \
      for a single --prompt appears as it is generated. A run that was trained on completions gets \
      its prompts in the form that it learned.

      Examples:
        peft generate runs/e2e --data prompts.txt --beams 4 > texts.jsonl
        peft generate gpt2 --prompt "It was a dark night" --temperature 0.8
      """)

  @Argument(
    help: "Run directory, or the directory of a GPT-2, Llama or Qwen.", completion: .directory)
  var model: String

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(help: "The prompt; give this or --data.")
    var prompt: String?

    @Option(
      name: .customLong("data"),
      help: """
        File of prompts: a text file with one prompt per line, prompt||completion lines, or JSONL.
        """, completion: .file())
    var dataPath: String?

    @Option(help: "Seed of the sampling.")
    var seed: UInt64 = 1
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Base and adapter") var adapters: AdapterOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if (main.prompt == nil) == (main.dataPath == nil) {
      throw ValidationError("--prompt or --data: give one of them")
    }
    if main.prompt?.isEmpty == true { throw ValidationError("--prompt: it is empty") }
    if main.prompt != nil, data.format != nil || data.columns != nil {
      throw ValidationError("--format and --columns: they go with --data")
    }
  }

  func run() throws {
    try common.start()
    let trained = try adapters.open(model)
    let writer = try TextWriter(trained, name: model)
    let settings = generation.settings(seed: main.seed)
    if let prompt = main.prompt {
      try write(prompt, with: writer, settings)
    } else if let dataPath = main.dataPath {
      let examples = try PromptFile.read(dataPath, format: data.format, columns: data.columns)
      let texts = try writer.texts(after: examples, of: dataPath, settings: settings)
      for (example, text) in zip(examples, texts) { Self.output(example.text, text) }
    }
  }

  private func write(
    _ prompt: String, with writer: TextWriter, _ settings: GenerationSettings
  ) throws {
    let isLive = !common.json && isatty(STDOUT_FILENO) == 1
    guard isLive else {
      let example = TextExample(text: prompt, line: 1)
      let texts = try writer.texts(after: [example], of: "--prompt", settings: settings)
      return Self.output(prompt, texts[0])
    }
    var shown = ""
    let text = try writer.text(after: prompt, settings: settings) { sofar in
      // Text that ends in the middle of a character waits for the rest of it.
      let scalars = sofar.unicodeScalars
      guard !scalars.suffix(3).contains("\u{FFFD}"), scalars.starts(with: shown.unicodeScalars)
      else { return }
      Console.write(String(scalars.dropFirst(shown.unicodeScalars.count)))
      shown = sofar
    }
    Console.output(String(text.unicodeScalars.dropFirst(shown.unicodeScalars.count)))
  }

  private static func output(_ prompt: String, _ text: String) {
    Console.output(.object(["prompt": .string(prompt), "text": .string(text)]))
  }
}
