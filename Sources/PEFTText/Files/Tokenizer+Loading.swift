import Foundation
import PEFTRuntime

extension Tokenizer {
  /// Loads the tokenizer of a model directory, or of a directory with only vocabulary files.
  ///
  /// It reads the first of these that exists: `tokenizer.json`, `vocab.json` and `merges.txt`,
  /// `vocab.txt`, `sentencepiece.bpe.model` in XLM-R's order, `spiece.model` of a T5.
  ///
  /// If `tokenizer.json` does not define the special tokens around a text, those in the vocabulary
  /// determine them. `tokenizer.json` also defines which tokens are recognised in the text itself.
  /// With only vocabulary files, BERT's special tokens are recognised, as in the reference, and
  /// those of a byte-level vocabulary are ordinary characters. Padding and truncation settings in
  /// `tokenizer.json` are ignored, because they belong to a call, not to a tokenizer. A
  /// `tokenizer_config.json` in the same directory must not contradict `tokenizer.json`.
  public static func load(directory: String) throws(FileError) -> Tokenizer {
    try load(files: TokenizerFiles(directory: directory))
  }

  /// Creates the tokenizer of files that have already been read; see `load(directory:)`.
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
    case [TokenizerFiles.fairseqName]: return try fairseq(files)
    case [TokenizerFiles.pieceName]:
      let name = TokenizerFiles.pieceName
      return try Tokenizer(
        sentencePiece: files.existing(name), order: .file, path: files.path(name))
    default: break
    }
    let other = files.path("tokenizer.model")
    if FileManager.default.fileExists(atPath: other) {
      throw FileError(
        .unsupported, path: other, reason: "a SentencePiece model of this name is not read",
        remedy: "convert it to a tokenizer.json with transformers and put that beside it")
    }
    throw FileError(
      .notFound, path: files.directory,
      reason: "no tokenizer: looked for tokenizer.json, vocab.json with merges.txt, vocab.txt, "
        + "and SentencePiece's files",
      remedy: "copy the tokenizer's files next to the weights")
  }

  /// Creates the tokenizer that `document`, the bytes of a `tokenizer.json`, describes. `path` is
  /// used in messages.
  ///
  /// Throws a `FileError` for malformed content, and for features that this package does not
  /// support.
  public init(document: [UInt8], path: String) throws(FileError) {
    self = try TokenizerDocument(document, path: path).tokenizer()
  }

  /// Creates a tokenizer whose vocabulary determines which tokens are special, and whose
  /// `processor` determines the tokens around a text. If `processor` does not define them, the
  /// vocabulary's convention applies. `added` are recognised in the text itself.
  init(
    _ stages: Stages, added: [AddedTokens.Token], processor: Component, files: [String],
    path: String
  ) throws(FileError) {
    let vocabulary = stages.model.vocabulary
    func has(_ token: String?) -> Bool { token.map { vocabulary.id(of: $0) != nil } ?? true }
    let convention = SpecialTokenTemplate.conventions.first { has($0.begin) && has($0.end) }
    guard let convention else {
      throw FileError(
        .unsupported, path: path,
        reason: "the vocabulary has none of <s> and </s>, [CLS] and [SEP], <|endoftext|>, "
          + "<|begin_of_text|> and <|end_of_text|>, <bos> and <eos>, </s>",
        remedy: "use a tokenizer whose special tokens have these names")
    }
    let stated = try SpecialTokenTemplate.stated(by: processor, convention: convention)
    let template = stated ?? convention
    guard let layout = TokenLayout(template, id: vocabulary.id(of:)) else {
      throw processor.malformed("it has a special token that the vocabulary lacks")
    }
    self.init(
      stages, added: added, template: template, layout: layout,
      namesSpecialTokens: stated.map { !$0.isBare }, files: files)
  }

  private static func byteLevelBPE(_ files: SmallFiles) throws(FileError) -> Tokenizer {
    let path = files.path("vocab.json")
    guard let object = try files.document("vocab.json")?.object else {
      throw FileError(.malformed, path: path, reason: "not a JSON object of tokens and ids")
    }
    let vocabulary = try Vocabulary(object, path: path)
    let settings = try files.document(settingsName)
    let splitter = ByteLevelSplitter(
      addsPrefixSpace: settings?["add_prefix_space"]?.bool ?? false)
    let bpe = try ByteLevelBPE(
      vocabulary: vocabulary, pairs: merges(files), path: files.path("merges.txt"))
    return try Tokenizer(
      Stages(splitter: splitter, model: bpe), added: [], processor: .missing(path: path),
      files: ["vocab.json", "merges.txt"] + (settings == nil ? [] : [settingsName]), path: path)
  }

  /// Creates the tokenizer of XLM-R's file. Other classes use files of this name with another
  /// numbering of the pieces.
  private static func fairseq(_ files: SmallFiles) throws(FileError) -> Tokenizer {
    let kind = try files.document(settingsName)?["tokenizer_class"]?.string
    guard kind == nil || kind?.hasPrefix("XLMRoberta") == true else {
      throw FileError(
        .unsupported, path: files.path(settingsName), place: "tokenizer_class",
        reason: "\(kind ?? "") with \(TokenizerFiles.fairseqName) is not supported",
        remedy: "convert it to a tokenizer.json with transformers and put that beside it")
    }
    let name = TokenizerFiles.fairseqName
    return try Tokenizer(
      sentencePiece: files.existing(name), order: .fairseq, path: files.path(name))
  }

  private static let settingsName = TokenizerFiles.settingsName

  /// Throws if the `tokenizer_config.json` contradicts the `tokenizer.json`. Which of the two the
  /// reference follows depends on its class and version.
  private func check(isAs settings: JSONValue?, path: String) throws(FileError) {
    for (name, value) in stages.settings {
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
    let added = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].compactMap { name in
      vocabulary.id(of: name).map { AddedTokens.Token(content: name, id: $0) }
    }
    let stages = Stages(
      normalizer: normalizer, splitter: BERTSplitter(),
      model: WordPiece(vocabulary: vocabulary, unknown: unknown))
    return try Tokenizer(
      stages, added: added, processor: .missing(path: path), files: names, path: path)
  }

  /// The lines of a UTF-8 file, without empty lines at the end.
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
