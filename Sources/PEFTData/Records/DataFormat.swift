import PEFTTensor

/// The format of the rows of a data file.
public enum DataFormat: String, CaseIterable, Hashable, Sendable {
  /// One JSON object per line.
  case jsonl
  /// Comma-separated values by RFC 4180.
  case csv
  /// Tab-separated values without quoting: a quotation mark is an ordinary character.
  case tsv
  /// A prompt and its completion per line, separated by `||`.
  case pairs
  /// A word and its tag per line, and an empty line after every sentence, as in the CoNLL shared
  /// tasks.
  case conll
  /// Running text: the whole file is one text.
  case text
  /// One text per line, without labels.
  case lines

  /// Whether a row has columns, or keys, that can be selected.
  package var hasColumns: Bool {
    switch self {
    case .jsonl, .csv, .tsv, .conll: true
    case .pairs, .text, .lines: false
    }
  }

  /// The format for the extension of `path`: `.jsonl` and `.json` for JSON lines, `.csv`, `.tsv`,
  /// `.conll` (also `.bio`, `.iob` and `.iob2`), and `.txt` for tab-separated values.
  ///
  /// Case is ignored.
  ///
  /// Throws `unsupported` for any other extension, or none, and for a directory.
  public init(extensionOf path: String) throws(FileError) {
    let name = path.split(separator: "/").last ?? ""
    let suffix = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last ?? ""
    switch suffix.lowercased() {
    case "jsonl", "json": self = .jsonl
    case "csv": self = .csv
    case "tsv", "txt": self = .tsv
    case "conll", "bio", "iob", "iob2": self = .conll
    default:
      guard (try? DirectoryHandle.entry(path)) != .directory else {
        throw FileError(
          .unsupported, path: path, reason: "it is a directory, and data are one file",
          remedy: "make JSON lines of its texts, a line {\"text\": …, \"label\": …} for each")
      }
      throw FileError(
        .unsupported, path: path,
        reason: suffix.isEmpty
          ? "a name without an extension does not tell the format"
          : "the extension .\(suffix) does not tell the format",
        remedy: "name it with `format` jsonl, csv, tsv, pairs, conll, text or lines")
    }
  }
}
