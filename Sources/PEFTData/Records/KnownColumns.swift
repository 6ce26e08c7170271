/// The names by which the columns of a text, its pair and a label are recognised without a
/// selection.
///
/// Texts: `text`, `sentence`, `question`; else `title` with `description`, `content` or `body`,
/// which are joined. Pairs: `text_a` and `text_b`, `sentence1` and `sentence2`, `premise` and
/// `hypothesis`, `question1` and `question2`, `question` and `sentence`, `anchor` and `positive`,
/// `query` and `passage`, `prompt` and `completion`; `prompt` may occur alone. Label: `label`,
/// `labels`, in tables also `class index`; in their absence `score`. Row numbers, repeated with
/// predictions: `id`, `idx`, `index`. The names in a table header are case-insensitive; JSON keys
/// must match exactly.
enum KnownColumns {
  /// The names of a label, the usual one first.
  static let labels = ["label", "labels", "class index", "score"]
  /// The names of row numbers; the first that is there is used.
  static let rowNumbers = ["id", "idx", "index"]

  /// Every valid list of text columns, in the order first text, second text.
  static let textLists: [[String]] = [
    ["text"], ["sentence"], ["question"], ["text_a", "text_b"], ["sentence1", "sentence2"],
    ["premise", "hypothesis"], ["question1", "question2"], ["question", "sentence"],
    ["anchor", "positive"], ["query", "passage"], ["prompt", "completion"], ["prompt"],
  ]

  /// All text names, each once.
  static let texts: [String] = [
    "text", "sentence", "question", "text_a", "text_b", "sentence1", "sentence2", "premise",
    "hypothesis", "question1", "question2", "anchor", "positive", "query", "passage", "prompt",
    "completion",
  ]

  /// Columns that are joined to one text if no other text is there.
  private static let joinedLists: [[String]] = [
    ["title", "description"], ["title", "content"], ["title", "body"],
  ]

  /// How many of `names`, those of a header, are known.
  static func count(in names: [String]) -> Int {
    let joined = joined(names) ?? []
    return names.count {
      labels.contains($0) || rowNumbers.contains($0) || texts.contains($0) || joined.contains($0)
    }
  }

  /// The columns of the text and of its pair among `names`; nil if these do not make one text or
  /// one pair.
  static func texts(among names: [String]) -> (text: [String], pair: [String])? {
    let present = names.filter(texts.contains)
    if present.isEmpty { return joined(names).map { ($0, []) } }
    guard present.count == Set(present).count,
      let list = textLists.first(where: { Set($0) == Set(present) })
    else { return nil }
    return ([list[0]], Array(list.dropFirst()))
  }

  /// The reason why `names` do not make one text or one pair, and the remedy.
  static func trouble(with names: [String]) -> (reason: String, remedy: String) {
    let present = names.filter(texts.contains)
    let reason =
      present.isEmpty
      ? "there is no text column under a known name"
      : present.count == 1
        ? "the column \(present[0]) lacks its other half"
        : "it is not clear which of \(present.joined(separator: ", ")) is the text"
    return (
      reason,
      "give the columns with `columns`, for example text=NAME,label=NAME, or text=NAME+NAME for a "
        + "text in two columns"
    )
  }

  private static func joined(_ names: [String]) -> [String]? {
    joinedLists.first { list in list.allSatisfy { name in names.count { $0 == name } == 1 } }
  }
}
