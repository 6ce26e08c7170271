/// Converts setting names in messages of the libraries, as in "lower `learning-rate`".
enum SettingNames {
  /// The text with setting names as options, as in "lower --learning-rate". Other text in backticks
  /// is unchanged.
  static func asOptions(_ text: String) -> String {
    guard text.contains("`") else { return text }
    let options = Set(CommandInterface.all.flatMap { $0.options.map(\.name) })
    return text.replacing(/`([a-z][a-z0-9-]*)`/) { match in
      options.contains(String(match.1)) ? "--" + match.1 : match.0
    }
  }
}
