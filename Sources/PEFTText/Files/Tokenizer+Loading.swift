import Foundation
import PEFTRuntime

extension Tokenizer {
  /// Reads the tokenizer of a model directory, or of one that holds vocabulary files alone:
  /// `tokenizer.json`, else `vocab.json` and `merges.txt`, else `vocab.txt`.
  ///
  /// The special tokens in the vocabulary decide the family. Which tokens are found in the text
  /// itself is what `tokenizer.json` says; with vocabulary files alone BERT's special tokens are,
  /// as its reference does it, and a byte-level vocabulary's are ordinary characters. Padding and
  /// truncation settings in `tokenizer.json` are not obeyed: they belong to a call, not to a
  /// tokenizer. A `tokenizer_config.json` beside it must not contradict it.
  public static func load(directory: String) throws(FileError) -> Tokenizer {
    try load(files: TokenizerFiles(directory: directory))
  }

  /// Reads the tokenizer of files that are read already, as `load(directory:)` does.
  public static func load(files source: TokenizerFiles) throws(FileError) -> Tokenizer {
    let files = source.files
    switch source.tables {
    case ["tokenizer.json"]:
      let path = files.path("tokenizer.json")
      let tokenizer = try Tokenizer(document: files.existing("tokenizer.json"), path: path)
      try tokenizer.check(
        isAs: files.document(settingsName), path: files.path(settingsName))
      return tokenizer
    case ["vocab.json", "merges.txt"]: return try byteLevelBPE(files)
    case ["vocab.txt"]: return try wordPiece(files)
    default: break
    }
    for name in ["spiece.model", "sentencepiece.bpe.model", "tokenizer.model"]
    where FileManager.default.fileExists(atPath: files.path(name)) {
      throw FileError(
        .unsupported, path: files.path(name),
        reason: "SentencePiece tokenizers are not supported",
        remedy: "use a model of the RoBERTa, BERT or GPT-2 family")
    }
    throw FileError(
      .notFound, path: files.directory,
      reason: "no tokenizer: looked for tokenizer.json, vocab.json with merges.txt, and vocab.txt",
      remedy: "copy the tokenizer's files next to the weights")
  }

  /// The tokenizer that `document`, the bytes of a `tokenizer.json`, describes;
  /// `path` is for messages.
  ///
  /// Throws a `FileError` for what is malformed, and for what this package does not do.
  public init(document: [UInt8], path: String) throws(FileError) {
    self = try TokenizerDocument(document, path: path).tokenizer()
  }

  /// A tokenizer whose special tokens say its family; `added` are found in the text itself.
  init(
    model: Model, vocabulary: Vocabulary, added: [AddedTokens.Token], files: [String], path: String
  ) throws(FileError) {
    func id(_ token: String) -> Int32? {
      added.first { $0.content == token }?.id ?? vocabulary.id(of: token)
    }
    if let begin = id("<s>"), let end = id("</s>") {
      family = .roberta
      special = SpecialTokens(
        begin: begin, end: end, padding: id("<pad>"), unknown: id("<unk>"), mask: id("<mask>"))
    } else if let begin = id("[CLS]"), let end = id("[SEP]") {
      family = .bert
      special = SpecialTokens(
        begin: begin, end: end, padding: id("[PAD]"), unknown: id("[UNK]"), mask: id("[MASK]"))
    } else if let end = id("<|endoftext|>") {
      family = .gpt2
      special = SpecialTokens(end: end)
    } else {
      throw FileError(
        .unsupported, path: path,
        reason: "the vocabulary has none of <s> and </s>, [CLS] and [SEP], <|endoftext|>",
        remedy: "use a model of the RoBERTa, BERT or GPT-2 family")
    }
    self.added = AddedTokens(added)
    self.model = model
    self.vocabulary = vocabulary
    self.files = files
  }

  private static func byteLevelBPE(_ files: SmallFiles) throws(FileError) -> Tokenizer {
    let path = files.path("vocab.json")
    guard let object = try files.document("vocab.json")?.object else {
      throw FileError(.malformed, path: path, reason: "not a JSON object of tokens and ids")
    }
    let vocabulary = try Vocabulary(object, path: path)
    let settings = try files.document(settingsName)
    let bpe = try ByteLevelBPE(
      vocabulary: vocabulary, pairs: merges(files),
      addsPrefixSpace: settings?["add_prefix_space"]?.bool ?? false, path: files.path("merges.txt"))
    return try Tokenizer(
      model: .byteLevelBPE(bpe), vocabulary: vocabulary, added: [],
      files: ["vocab.json", "merges.txt"] + (settings == nil ? [] : [settingsName]), path: path)
  }

  private static let settingsName = TokenizerFiles.settingsName

  /// Throws where the settings beside a `tokenizer.json` are others than its own: which of them the
  /// reference obeys depends on its class and version.
  private func check(isAs settings: JSONValue?, path: String) throws(FileError) {
    let own: [(name: String, value: Bool)] =
      switch model {
      case .byteLevelBPE(let bpe): [("add_prefix_space", bpe.addsPrefixSpace)]
      case .wordPiece(let wordPiece):
        [
          ("do_lower_case", wordPiece.normalizer.lowercases),
          ("strip_accents", wordPiece.normalizer.stripsAccents),
          ("tokenize_chinese_chars", wordPiece.normalizer.separatesIdeographs),
        ]
      }
    for (name, value) in own {
      guard let other = settings?[name]?.bool, other != value else { continue }
      throw FileError(
        .unsupported, path: path, place: name,
        reason: "it is \(other), but tokenizer.json next to it says \(value)",
        remedy: "make both say what the model was trained with")
    }
  }

  private static func merges(
    _ files: SmallFiles
  ) throws(FileError) -> [(left: String, right: String, place: String)] {
    let path = files.path("merges.txt")
    var pairs: [(left: String, right: String, place: String)] = []
    for (index, line) in try lines("merges.txt", of: files).enumerated()
    where !line.hasPrefix("#version") {
      let parts = line.split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw FileError(
          .malformed, path: path, place: "line \(index + 1)",
          reason: "not two tokens with a space between them",
          remedy: "use the merges.txt that came with the model")
      }
      pairs.append((String(parts[0]), String(parts[1]), "line \(index + 1)"))
    }
    return pairs
  }

  private static func wordPiece(_ files: SmallFiles) throws(FileError) -> Tokenizer {
    let path = files.path("vocab.txt")
    let vocabulary = try Vocabulary(
      lines("vocab.txt", of: files).map { Array($0.utf8) }, path: path)
    guard let unknown = vocabulary.id(of: "[UNK]") else {
      throw FileError(
        .malformed, path: path, reason: "the vocabulary has no [UNK]",
        remedy: "use the vocab.txt that came with the model")
    }
    var normalizer = BERTNormalizer()
    var names = ["vocab.txt"]
    if let settings = try files.document(settingsName) {
      names.append(settingsName)
      normalizer.lowercases = settings["do_lower_case"]?.bool ?? true
      normalizer.stripsAccents = settings["strip_accents"]?.bool ?? normalizer.lowercases
      normalizer.separatesIdeographs = settings["tokenize_chinese_chars"]?.bool ?? true
    }
    let wordPiece = WordPiece(vocabulary: vocabulary, normalizer: normalizer, unknown: unknown)
    let added = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].compactMap { name in
      vocabulary.id(of: name).map { AddedTokens.Token(content: name, id: $0) }
    }
    return try Tokenizer(
      model: .wordPiece(wordPiece), vocabulary: vocabulary, added: added, files: names, path: path)
  }

  /// The lines of a UTF-8 file; empty ones at the end do not count.
  private static func lines(_ name: String, of files: SmallFiles) throws(FileError) -> [Substring] {
    guard let text = String(validating: try files.existing(name), as: UTF8.self) else {
      throw FileError(
        .malformed, path: files.path(name), reason: "it is not UTF-8",
        remedy: "use the file that came with the model")
    }
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
      Substring($0.last == "\r" ? $0.dropLast() : $0)
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}
