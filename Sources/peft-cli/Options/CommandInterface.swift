import ArgumentParser
import PEFTTensor

/// The options of a command, read from the parser's own description so that no option is declared
/// twice.
struct CommandInterface {
  struct Option {
    let name: String
    /// All its long spellings, its name among them.
    let names: [String]
    let isFlag: Bool
    /// Whether the option may be given several times.
    let isRepeating: Bool
    let defaultValue: String?
    /// The flag that says the contrary of a flag, such as no-normalize; nil if there is none.
    let opposite: String?
  }

  let name: String
  let options: [Option]
  /// All spellings of its options, with their hyphens.
  let spellings: Set<String>
  /// Whether it has commands of its own, which have the options.
  let hasSubcommands: Bool
  /// The spellings of the options that do not take a value.
  private let flags: Set<String>

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
    var (spellings, flags): (Set<String>, Set<String>) = ([], ["-h", "--help"])
    for argument in document["arguments"]?.array ?? [] {
      let names = (argument["names"]?.array ?? []).compactMap { name in
        name["name"]?.string.map { ($0.count > 1 ? "--" : "-") + $0 }
      }
      spellings.formUnion(names)
      if argument["kind"]?.string == "flag" { flags.formUnion(names) }
    }
    self.spellings = spellings.union(flags)
    self.flags = flags
    hasSubcommands = document["subcommands"]?.array?.isEmpty == false
    let isFlag = { [flags] (name: String) in flags.contains("--" + name) }
    options = (document["arguments"]?.array ?? []).compactMap { argument in
      guard let kind = argument["kind"]?.string, kind != "positional",
        let name = argument["preferredName"]?["name"]?.string, name.count > 1,
        !["help", "version", "config"].contains(name)
      else { return nil }
      return Option(
        name: name,
        names: (argument["names"]?.array ?? []).compactMap { $0["name"]?.string }
          .filter { $0.count > 1 },
        isFlag: kind == "flag", isRepeating: argument["isRepeating"]?.bool == true,
        defaultValue: argument["defaultValue"]?.string,
        opposite: [name.hasPrefix("no-") ? String(name.dropFirst(3)) : "no-" + name]
          .first { isFlag(name) && isFlag($0) })
    }
  }

  /// Joins a negative number to the option before it by `=`, because the parser would take it for
  /// an option of its own.
  ///
  /// Throws `InvalidConfiguration` if an option or argument is empty, such as a variable of the
  /// shell that is not set.
  static func checked(_ arguments: [String]) throws(InvalidConfiguration) -> [String] {
    // Reading the interface takes some milliseconds.
    guard arguments.contains(where: { $0.isEmpty || $0.hasSuffix("=") || isNegative($0) }),
      let command = all.first(where: { $0.name == arguments.first })
    else { return arguments }
    let valued = command.spellings.filter(command.takesValue)
    var result: [String] = []
    var awaited: String?
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if let option = awaited {
        awaited = nil
        guard !argument.isEmpty else { throw empty(option) }
        if isNegative(argument) {
          result[result.count - 1] = option + "=" + argument
          continue
        }
      } else if argument.isEmpty {
        throw InvalidConfiguration(
          description: "an argument is empty; name a file, a directory or a value")
      } else if valued.contains(argument) {
        awaited = argument
      } else if parts.count == 2, parts[1].isEmpty, valued.contains(String(parts[0])) {
        throw empty(String(parts[0]))
      }
      result.append(argument)
    }
    return result
  }

  private static func isNegative(_ argument: String) -> Bool {
    argument.prefixMatch(of: /-\.?[0-9]/) != nil
  }

  private static func empty(_ option: String) -> InvalidConfiguration {
    InvalidConfiguration(description: "\(option): it is empty; give a value")
  }

  /// Whether the option with this spelling takes a value.
  func takesValue(_ spelling: String) -> Bool { !flags.contains(spelling) }

  /// The name of the option closest to `name`, if it is close enough to be a typing error.
  func suggestion(for name: String) -> String? { Self.nearest(name, among: options.map(\.name)) }

  /// The one of `names` closest to `name`, if it is close enough to be a typing error.
  static func nearest(_ name: String, among names: [String]) -> String? {
    names.map { ($0, distance($0, name)) }
      .filter { $0.1 <= max(2, name.drop { $0 == "-" }.count / 3) }
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
