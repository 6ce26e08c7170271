/// The names by which the columns of a text, its pair and a label are recognised without a
/// selection.
///
/// Texts: `text`, `sentence`, `question`. Pairs: `text_a` and `text_b`, `sentence1` and
/// `sentence2`, `premise` and `hypothesis`, `question1` and `question2`, `question` and `sentence`,
/// `prompt` and `completion`; `prompt` may occur alone. Label: `label`. Row numbers, recognised and
/// ignored: `index`, `idx`, `id`. The names in a table header are case-insensitive; JSON keys must
/// match exactly.
enum KnownColumns {
  static let label = "label"
  static let rowNumbers: Set<String> = ["index", "idx", "id"]

  /// Every valid list of text columns, in the order first text, second text.
  static let textLists: [[String]] = [
    ["text"], ["sentence"], ["question"], ["text_a", "text_b"], ["sentence1", "sentence2"],
    ["premise", "hypothesis"], ["question1", "question2"], ["question", "sentence"],
    ["prompt", "completion"], ["prompt"],
  ]

  /// All text names, each once.
  static let texts: [String] = [
    "text", "sentence", "question", "text_a", "text_b", "sentence1", "sentence2", "premise",
    "hypothesis", "question1", "question2", "prompt", "completion",
  ]

  static func contains(_ name: String) -> Bool {
    name == label || rowNumbers.contains(name) || texts.contains(name)
  }

  /// The text columns of a row with the text names `present`; nil if these do not make one text or
  /// one pair.
  static func textList(of present: [String]) -> [String]? {
    textLists.first { Set($0) == Set(present) }
  }

  /// The reason why `present` is not a valid list of text columns, and the remedy.
  static func trouble(with present: [String]) -> (reason: String, remedy: String) {
    let reason =
      present.isEmpty
      ? "there is no text column under a known name"
      : present.count == 1
        ? "the column \(present[0]) lacks its other half"
        : "it is not clear which of \(present.joined(separator: ", ")) is the text"
    return (reason, "give the columns with `columns`, for example text=NAME,label=NAME")
  }
}
