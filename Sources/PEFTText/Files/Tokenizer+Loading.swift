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
  /// A `tokenizer_config.json` in the same directory must not contradict it.
  ///
  /// With only vocabulary files, the tokenizer is that of the class that `tokenizer_config.json` or
  /// `config.json` names, else the one that the vocabulary's special tokens suggest. The class's
  /// tokens, and the added ones of `tokenizer_config.json`, `special_tokens_map.json` and
  /// `added_tokens.json`, are recognised in the text; if no file tells the class of a byte-level
  /// vocabulary, its special tokens are not. A class or a setting that this package does not follow
  /// is rejected by name.
  ///
  /// Padding and maximum lengths are ignored, because they belong to a call, not to a tokenizer.
  public static func load(directory: String) throws(FileError) -> Tokenizer {
    try load(files: TokenizerFiles(directory: directory))
  }

  /// Creates the tokenizer of files that have already been read; see `load(directory:)`.
  public static func load(files source: TokenizerFiles) throws(FileError) -> Tokenizer {
    let files = source.files
    let settings = try TokenizerSettings(source)
    switch source.tables {
    case ["tokenizer.json"]: return try complete(files, settings)
    case ["vocab.json", "merges.txt"]: return try byteLevelBPE(files, settings)
    case ["vocab.txt"]: return try wordPiece(files, settings)
    case [TokenizerFiles.fairseqName]:
      return try pieces(TokenizerFiles.fairseqName, of: files, .fairseq, settings)
    case [TokenizerFiles.pieceName]:
      return try pieces(TokenizerFiles.pieceName, of: files, .file, settings)
    default: break
    }
    if let missing = try FileError.missingModel(files.directory) { throw missing }
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
    guard let convention else { throw Self.noConvention(path) }
    let stated = try SpecialTokenTemplate.stated(by: processor, convention: convention)
    let template = stated ?? convention
    guard let layout = TokenLayout(template, id: vocabulary.id(of:)) else {
      throw processor.malformed("it has a special token that the vocabulary lacks")
    }
    self.init(
      stages, added: added, template: template, layout: layout,
      namesSpecialTokens: stated.map { !$0.isBare }, files: files)
  }

  /// Follows the settings that concern tokenizers of all kinds.
  mutating func follow(_ settings: TokenizerSettings) throws(FileError) {
    if try settings.flag("split_special_tokens", default: false) { splitSpecialTokens() }
    if let left = try settings.truncatesLeft() { truncatesLeft = left }
  }

  /// Creates the tokenizer of a `tokenizer.json`.
  private static func complete(
    _ files: SmallFiles, _ settings: TokenizerSettings
  ) throws(FileError) -> Tokenizer {
    try settings.refuseOwnFiles()
    let document = try TokenizerDocument(
      files.existing("tokenizer.json"), path: files.path("tokenizer.json"))
    var tokenizer = try document.tokenizer(naming: settings.numbered + settings.specialTokens())
    try settings.checkTokens(in: tokenizer.vocabulary)
    try tokenizer.check(isAs: settings)
    try settings.checkTokensAround(tokenizer)
    try tokenizer.follow(settings)
    return tokenizer
  }

  static func noConvention(_ path: String) -> FileError {
    FileError(
      .unsupported, path: path,
      reason: "the vocabulary has none of <s> and </s>, [CLS] and [SEP], <|endoftext|>, "
        + "<|begin_of_text|> and <|end_of_text|>, <bos> and <eos>, </s>",
      remedy: "use a tokenizer whose special tokens have these names")
  }

  /// Throws if the `tokenizer_config.json` contradicts the `tokenizer.json`. Which of the two the
  /// reference follows depends on its class and version.
  private func check(isAs settings: TokenizerSettings) throws(FileError) {
    for (name, value) in stages.settings {
      guard let setting = settings.settings[name], let other = setting.value.bool, other != value
      else { continue }
      throw FileError(
        .unsupported, path: setting.path, place: name,
        reason: "it is \(other), but tokenizer.json next to it says \(value)",
        remedy: "make both say what the model was trained with")
    }
  }
}
