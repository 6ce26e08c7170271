/// The settings that messages of the libraries name, as in "lower `learning-rate`".
enum SettingNames {
  /// The text with the names of settings as options, as in "lower --learning-rate". What else is
  /// in backticks stays.
  static func asOptions(_ text: String) -> String {
    guard text.contains("`") else { return text }
    let options = Set(CommandInterface.all.flatMap { $0.options.map(\.name) })
    return text.replacing(/`([a-z][a-z0-9-]*)`/) { match in
      options.contains(String(match.1)) ? "--" + match.1 : match.0
    }
  }
}
