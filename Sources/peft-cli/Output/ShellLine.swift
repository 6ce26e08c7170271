/// Command lines as text.
enum ShellLine {
  /// `peft` with these arguments, quoted for a shell.
  static func text(of arguments: [String]) -> String { text(words: ["peft"] + arguments) }

  /// The words, quoted for a shell.
  static func text(words: [String]) -> String {
    words.map { word in
      word.wholeMatch(of: /[A-Za-z0-9_@%+=:,.\/-]+/) != nil
        ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }
}
