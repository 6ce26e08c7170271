import PEFTRuntime

/// The files of a directory that say what its tokenizer is, each opened and read once.
public struct TokenizerFiles: Sendable {
  /// The files.
  public let files: SmallFiles

  /// The name of settings beside a tokenizer's tables.
  public static let settingsName = "tokenizer_config.json"

  /// The names of the files from which tokenizers are made, here or elsewhere.
  public static let names = [
    "tokenizer.json", settingsName, "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "vocab.txt", fairseqName, pieceName,
  ]

  /// The names of SentencePiece's files: of XLM-R, and of T5.
  static let (fairseqName, pieceName) = ("sentencepiece.bpe.model", "spiece.model")

  /// The largest table of tokens that is read, in bytes: 512 MiB.
  private static let tableLimit = 1 << 29

  /// What a tokenizer's vocabulary is read from: the first of these that is there as a whole.
  private static let tables = [
    ["tokenizer.json"], ["vocab.json", "merges.txt"], ["vocab.txt"], [fairseqName], [pieceName],
  ]

  /// Reads the files that are in `directory`.
  public init(directory: String) {
    let tables = Self.tables.joined()
    files = SmallFiles(directory: directory, names: Self.names) { name in
      tables.contains(name) ? Self.tableLimit : JSONValue.configurationLimit
    }
  }

  /// The names of the files that the vocabulary is read from; empty where there are none.
  public var tables: [String] { Self.tables.first { $0.allSatisfy(files.has) } ?? [] }

  /// The names of the files, of those that are there, that the tokenizer is read from.
  public var namesRead: [String] { (tables + [Self.settingsName]).filter(files.has) }
}
