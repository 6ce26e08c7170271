/// A command with many options explains in `--help` those that most jobs need, and all of them in
/// `--help-all`.
extension HelpText {
  /// The option that asks for all options of a command.
  static let all = "--help-all"

  /// Whether the command line asks for all options.
  @TaskLocal static var showsAll = false

  /// From this number of options on, `--help` leaves some out.
  private static let many = 40
  /// The sections whose options are always explained.
  private static let essentialSections: Set<String> = ["ARGUMENTS:", "MAIN OPTIONS:", "OPTIONS:"]
  /// The options of other sections that most jobs need.
  private static let essentialOptions: Set<String> = [
    "method", "rank", "plan", "seeds", "groups", "candidates", "epochs", "steps", "batch-size",
    "learning-rate", "seed", "precision", "columns", "task", "max-length", "pooling", "config",
    "json", "quiet", "workers",
  ]

  /// `arguments` with the request for all options as one for help, and whether there was one.
  static func request(in arguments: [String]) -> (arguments: [String], asksForAll: Bool) {
    let options = arguments.prefix { $0 != "--" }
    guard options.contains(all) else { return (arguments, false) }
    return (options.map { $0 == all ? "--help" : $0 } + arguments.dropFirst(options.count), true)
  }

  /// A help text as the parser laid it out, without the options that few jobs need. A last line
  /// says how many these are and how to see them. Other messages stay as they are.
  static func essentials(of message: String) -> String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    guard let usage = lines.first(where: { $0.hasPrefix("USAGE: ") }),
      lines.count(where: { optionName($0) != nil }) >= many
    else { return message }
    // "USAGE: peft adapt [<options>] …"
    let command = usage.split(separator: " ").dropFirst().prefix {
      !$0.hasPrefix("[") && !$0.hasPrefix("<") && !$0.hasPrefix("-")
    }
    .joined(separator: " ")
    var kept: [Substring] = []
    var section = ""
    var title: [Substring] = []
    var isKept = true
    var omitted = 0
    for line in lines {
      if isTitle(line) {
        (section, title, isKept) = (String(line), [line], false)
      } else if section.isEmpty || line.isEmpty {
        // Before the first section, and behind each.
        if section.isEmpty || title.isEmpty { kept.append(line) }
        if !section.isEmpty { isKept = false }
      } else {
        if let name = optionName(line) {
          isKept = essentialSections.contains(section) || essentialOptions.contains(name)
          omitted += isKept ? 0 : 1
        } else if essentialSections.contains(section) {
          isKept = true
        }
        guard isKept else { continue }
        kept += title + [line]
        title = []
      }
    }
    return kept.joined(separator: "\n")
      + "\n\(omitted) more options: \(command) \(all)"
  }

  private static func isTitle(_ line: Substring) -> Bool {
    line.hasSuffix(":") && line.first?.isUppercase == true
      && line.dropLast().allSatisfy { $0.isUppercase || $0 == " " }
  }

  /// The name of the option whose explanation begins on a line.
  private static func optionName(_ line: Substring) -> String? {
    guard line.hasPrefix("  -"), !line.hasPrefix("  - ") else { return nil }
    return String(line.dropFirst(2).drop { $0 == "-" }.prefix { $0 != " " && $0 != "," })
  }
}
