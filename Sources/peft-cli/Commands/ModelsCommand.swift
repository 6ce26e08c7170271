import ArgumentParser
import PEFTTensor

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Copies the small pretrained models that come with peft into a directory.",
    discussion: """
      The models are a RoBERTa and a GPT-2 with 2.6 million parameters each, for trying things out.

      Examples:
        peft models small-models
        peft generate small-models/gpt2-small --prompt "It was a dark night"
      """)

  @Argument(
    help: "Directory to copy the models into; each gets its own folder.", completion: .directory)
  var directory: String

  @Flag(help: "Replace copies that exist.")
  var overwrite = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    var copies: [JSONValue] = []
    for name in [BundledModel.roberta, BundledModel.gpt2] {
      let target = directory + "/" + name
      try BundledModel.copy(name, to: target, overwriting: overwrite)
      copies.append(.string(target))
      if !common.json { Console.output(target) }
    }
    if common.json { Console.output(.object(["models": .array(copies)])) }
  }
}
