import ArgumentParser
import PEFTStudy
import PEFTTensor

/// YAML files of options: a map from long option names to values. The command line takes
/// precedence.
enum ConfigurationFile {
  /// The source of an option's value.
  enum Source: String {
    case flag = "command line"
    case file
    case `default`
  }

  /// Pairs of alternative options: one given on the command line overrides the other in the file.
  private static let alternatives = [
    ("epochs", "steps"), ("batch-size", "batch-tokens"),
  ]

  /// Adds the options of `--config FILE` that the command line itself does not give. What follows
  /// `--` is not looked at.
  static func merge(_ line: [String]) throws -> [String] {
    let end = line.firstIndex(of: "--") ?? line.endIndex
    return try merge(options: Array(line[..<end])) + line[end...]
  }

  private static func merge(options arguments: [String]) throws -> [String] {
    guard let name = arguments.first, name != "config",
      let path = value(of: "config", in: arguments),
      let command = CommandInterface.all.first(where: { $0.name == name })
    else { return arguments }
    return arguments
      + (try entries(path, for: command)).flatMap { entry -> [String] in
        guard !isGiven(entry.option, in: arguments) else { return [] }
        let name = "--" + entry.option.name
        if entry.option.isFlag {
          return entry.values == ["true"] ? [name] : entry.option.opposite.map { ["--" + $0] } ?? []
        }
        let values = entry.option.isRepeating ? entry.values : [entry.values.joined(separator: ",")]
        return values.map { name + "=" + $0 }
      }
  }

  /// The options in the file at `path`, checked against those of `command`.
  static func entries(
    _ path: String, for command: CommandInterface
  ) throws -> [(option: CommandInterface.Option, values: [String])] {
    let map = try YAMLMap.options(path, example: "learning-rate: 5e-4")
    return try map.entries.map { entry in
      let place = "line \(entry.line)"
      guard let option = command.options.first(where: { $0.name == entry.name }) else {
        let suggestion =
          command.suggestion(for: entry.name).map { "; did you mean \($0)?" } ?? ""
        throw InvalidConfiguration(
          description:
            "\(path): \(place): \(command.name) has no option \"\(entry.name)\"\(suggestion)")
      }
      guard let values = entry.values,
        !option.isFlag || values == ["true"] || values == ["false"]
      else {
        throw InvalidConfiguration(
          description: "\(path): \(place): \(entry.name) "
            + (option.isFlag
              ? "takes true or false, and nothing else" : "takes a value or a list of values"))
      }
      return (option, values)
    }
  }

  /// The value of an option on a command line; the last one if it occurs several times.
  static func value(of name: String, in arguments: [String]) -> String? {
    var value: String?
    for (index, argument) in arguments.enumerated() {
      if argument == "--\(name)", index + 1 < arguments.count { value = arguments[index + 1] }
      if argument.hasPrefix("--\(name)=") { value = String(argument.dropFirst(name.count + 3)) }
    }
    return value
  }

  /// The value of an option on a command line, by any of its spellings.
  static func value(of option: CommandInterface.Option, in arguments: [String]) -> String? {
    guard option.isFlag else {
      return option.names.lazy.compactMap { value(of: $0, in: arguments) }.first
    }
    // The last of a flag and its opposite counts.
    let spelt = arguments.last { $0 == "--" + option.name || $0 == "--" + (option.opposite ?? "") }
    return spelt.map { $0 == "--" + option.name ? "true" : "false" }
  }

  /// Whether a command line gives an option, by any of its spellings, or its alternative.
  static func isGiven(_ option: CommandInterface.Option, in arguments: [String]) -> Bool {
    let names =
      option.names + [option.opposite].compactMap(\.self)
      + alternatives.flatMap {
        $0.0 == option.name ? [$0.1] : $0.1 == option.name ? [$0.0] : []
      }
    return names.contains { stands($0, in: arguments) }
  }

  /// Whether an option occurs on a command line.
  static func stands(_ name: String, in arguments: [String]) -> Bool {
    arguments.contains { $0 == "--\(name)" || $0.hasPrefix("--\(name)=") }
  }
}

/// The usage error for a configuration file with an option that the command does not have.
struct InvalidConfiguration: Error, CustomStringConvertible {
  let description: String

  init(description: String) { self.description = VisibleText.line(description) }
}

extension YAMLMap {
  /// Reads a file of options. Exceeding the limits of such a file is a usage error.
  static func options(_ path: String, example: String) throws -> YAMLMap {
    do throws(FileError) {
      return try YAMLMap(contentsOf: path, example: example)
    } catch {
      guard error.kind == .unsupported else { throw error }
      throw InvalidConfiguration(description: error.description)
    }
  }
}
