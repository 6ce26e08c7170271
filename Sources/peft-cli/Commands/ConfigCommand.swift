import ArgumentParser
import PEFTReport
import PEFTTensor

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Shows the options that a configuration file and a command line give.",
    discussion: """
      Example:
        peft config show train --config run.yaml
      """,
    subcommands: [ConfigShowCommand.self])
}

struct ConfigShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints the options that a command would run with, and where each comes from.",
    discussion: """
      An option without a value gets its default from the command; see the command's --help.

      Example:
        peft config show train --config run.yaml --rank 4
      """)

  @Argument(help: "The command, such as train.")
  var command: String

  @Argument(parsing: .captureForPassthrough, help: "Its options.")
  var arguments: [String] = []

  func run() throws {
    guard let interface = CommandInterface.all.first(where: { $0.name == command }) else {
      let names = CommandInterface.all.map(\.name).joined(separator: ", ")
      throw ValidationError("there is no command \"\(command)\"; there are \(names)")
    }
    let entries = try ConfigurationFile.value(of: "config", in: arguments).map {
      try ConfigurationFile.entries($0, for: interface)
    }
    var table = TextTable(header: ["option", "value", "from"])
    var document = JSONObject()
    for option in interface.options {
      let isGiven = ConfigurationFile.isGiven(option, in: arguments)
      let inFile =
        isGiven
        ? nil
        : entries?.first { $0.option.name == option.name }?.values
          .joined(separator: ",")
      let onLine = ConfigurationFile.value(of: option, in: arguments)
      let source: ConfigurationFile.Source =
        onLine != nil ? .flag : inFile != nil ? .file : .default
      let value = onLine ?? inFile ?? option.defaultValue ?? (option.isFlag ? "false" : nil)
      table.add([option.name, value ?? "(see --help)", source.rawValue])
      document[option.name] = .object([
        "value": value.map { .string($0) } ?? .null, "from": .string(source.rawValue),
      ])
    }
    if arguments.contains("--json") {
      Console.output(.object(document))
    } else {
      table.lines(width: .max).forEach { Console.output($0) }
    }
  }
}
