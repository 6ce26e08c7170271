import PEFTRuntime

/// The files in a directory that define its tokenizer, each opened and read once.
public struct TokenizerFiles: Sendable {
  /// The files.
  public let files: SmallFiles
  /// The model's configuration, which may name the tokenizer's class.
  let configuration: SmallFiles

  /// The name of the file with settings that accompanies a tokenizer's tables.
  public static let settingsName = "tokenizer_config.json"

  /// The names of all files from which a tokenizer can be created, by this package or by others.
  public static let names = [
    "tokenizer.json", settingsName, mapName, addedName, "vocab.json", "merges.txt", "vocab.txt",
    fairseqName, pieceName,
  ]

  /// The names of the older files of special tokens and of added tokens.
  static let (mapName, addedName) = ("special_tokens_map.json", "added_tokens.json")

  /// The name of the model's configuration.
  static let configurationName = "config.json"

  /// The names of SentencePiece's files: that of XLM-R, and that of T5.
  static let (fairseqName, pieceName) = ("sentencepiece.bpe.model", "spiece.model")

  /// The largest token table that is accepted, in bytes: 512 MiB.
  private static let tableLimit = 1 << 29

  /// The sets of files from which a vocabulary can be read, in order of preference. The first
  /// complete set is used.
  private static let tables = [
    ["tokenizer.json"], ["vocab.json", "merges.txt"], ["vocab.txt"], [fairseqName], [pieceName],
  ]

  /// Reads the files in `directory`.
  public init(directory: String) {
    let tables = Self.tables.joined()
    files = SmallFiles(directory: directory, names: Self.names) { name in
      tables.contains(name) ? Self.tableLimit : JSONValue.configurationLimit
    }
    configuration = SmallFiles(directory: directory, names: [Self.configurationName]) { _ in
      JSONValue.configurationLimit
    }
  }

  /// The names of the files from which the vocabulary is read; empty if there are none.
  public var tables: [String] { Self.tables.first { $0.allSatisfy(files.has) } ?? [] }

  /// The names of the existing files from which the tokenizer is read.
  public var namesRead: [String] {
    let tables = tables
    let others = tables == ["tokenizer.json"] ? [] : [Self.mapName, Self.addedName]
    return (tables + [Self.settingsName] + others).filter(files.has)
  }
}
