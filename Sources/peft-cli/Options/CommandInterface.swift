import ArgumentParser
import PEFTTensor

/// The options of a command, read from the parser's own description so that no option is declared
/// twice.
struct CommandInterface {
  struct Option {
    let name: String
    let isFlag: Bool
    /// Whether the option may be given several times.
    let isRepeating: Bool
    let defaultValue: String?
  }

  let name: String
  let options: [Option]

  /// The root command of the running command line; the interfaces are read from its help.
  @TaskLocal static var root: (any ParsableCommand.Type)?

  /// The commands that take options.
  static var all: [CommandInterface] {
    let document = root.flatMap { try? JSONValue(parsing: $0._dumpHelp().utf8) }
    return (document?["command"]?["subcommands"]?.array ?? []).compactMap(CommandInterface.init)
  }

  private init?(_ document: JSONValue) {
    guard let name = document["commandName"]?.string else { return nil }
    self.name = name
    options = (document["arguments"]?.array ?? []).compactMap { argument in
      guard let kind = argument["kind"]?.string, kind != "positional",
        let name = argument["preferredName"]?["name"]?.string, name.count > 1,
        !["help", "version", "config"].contains(name)
      else { return nil }
      return Option(
        name: name, isFlag: kind == "flag", isRepeating: argument["isRepeating"]?.bool == true,
        defaultValue: argument["defaultValue"]?.string)
    }
  }

  /// The name of the option closest to `name`, if it is close enough to be a typing error.
  func suggestion(for name: String) -> String? {
    options.map { ($0.name, Self.distance($0.name, name)) }
      .filter { $0.1 <= max(2, name.count / 3) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// The Levenshtein distance.
  private static func distance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (index, character) in first.enumerated() {
      var previous = row[0]
      row[0] = index + 1
      for position in second.indices {
        let substituted = previous + (second[position] == character ? 0 : 1)
        previous = row[position + 1]
        row[position + 1] = min(substituted, row[position] + 1, previous + 1)
      }
    }
    return row[second.count]
  }
}
