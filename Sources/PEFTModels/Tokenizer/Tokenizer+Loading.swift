import Foundation
import PEFTTensor

extension Tokenizer {
  /// Reads the tokenizer of a model directory, or of one that holds vocabulary files alone:
  /// `tokenizer.json`, else `vocab.json` and `merges.txt`, else `vocab.txt`.
  ///
  /// The special tokens in the vocabulary decide the family. Which tokens are found in the text itself
  /// is what `tokenizer.json` says; with vocabulary files alone BERT's special tokens are, as its
  /// reference does it, and a byte-level vocabulary's are ordinary characters. Padding and truncation settings in
  /// `tokenizer.json` are not obeyed: they belong to a call, not to a tokenizer. A `tokenizer_config.json` beside it must
  /// not contradict it.
  public static func load(directory: String) throws(FileError) -> Tokenizer {
    func exists(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: directory + "/" + name)
    }
    if exists("tokenizer.json") {
      let path = directory + "/tokenizer.json"
      let tokenizer = try Tokenizer(document: FileContents.read(path), path: path)
      try tokenizer.check(isAs: settings(directory), path: directory + "/" + settingsName)
      return tokenizer
    }
    if exists("vocab.json"), exists("merges.txt") { return try byteLevelBPE(directory) }
    if exists("vocab.txt") { return try wordPiece(directory) }
    for name in ["spiece.model", "sentencepiece.bpe.model", "tokenizer.model"] where exists(name) {
      throw FileError(
        .unsupported, path: directory + "/" + name,
        reason: "SentencePiece tokenizers are not supported",
        remedy: "use a model of the RoBERTa, BERT or GPT-2 family")
    }
    throw FileError(
      .notFound, path: directory,
      reason: "no tokenizer: looked for tokenizer.json, vocab.json with merges.txt, and vocab.txt",
      remedy: "copy the tokenizer's files beside the weights")
  }

  /// The tokenizer that `document`, the bytes of a `tokenizer.json`, describes; `path` is for messages.
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

  private static func byteLevelBPE(_ directory: String) throws(FileError) -> Tokenizer {
    let path = directory + "/vocab.json"
    guard let object = try JSONValue(contentsOf: path).object else {
      throw FileError(.malformed, path: path, reason: "not a JSON object of tokens and ids")
    }
    let vocabulary = try Vocabulary(object, path: path)
    let mergesPath = directory + "/merges.txt"
    let settings = try settings(directory)
    let bpe = try ByteLevelBPE(
      vocabulary: vocabulary, pairs: merges(mergesPath),
      addsPrefixSpace: settings?["add_prefix_space"]?.bool ?? false, path: mergesPath)
    return try Tokenizer(
      model: .byteLevelBPE(bpe), vocabulary: vocabulary, added: [],
      files: ["vocab.json", "merges.txt"] + (settings == nil ? [] : [settingsName]), path: path)
  }

  private static let settingsName = "tokenizer_config.json"

  /// What stands beside plain vocabulary files; nil where nothing does.
  private static func settings(_ directory: String) throws(FileError) -> JSONValue? {
    let path = directory + "/" + settingsName
    return FileManager.default.fileExists(atPath: path) ? try JSONValue(contentsOf: path) : nil
  }

  /// Throws where the settings beside a `tokenizer.json` are others than its own: which of them the reference obeys
  /// depends on its class and version.
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
        reason: "it is \(other), and tokenizer.json beside it says \(value)",
        remedy: "make both say what the model was trained with")
    }
  }

  private static func merges(
    _ path: String
  ) throws(FileError) -> [(left: String, right: String, place: String)] {
    var pairs: [(left: String, right: String, place: String)] = []
    for (index, line) in try lines(path).enumerated() where !line.hasPrefix("#version") {
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

  private static func wordPiece(_ directory: String) throws(FileError) -> Tokenizer {
    let path = directory + "/vocab.txt"
    let vocabulary = try Vocabulary(lines(path).map { Array($0.utf8) }, path: path)
    guard let unknown = vocabulary.id(of: "[UNK]") else {
      throw FileError(
        .malformed, path: path, reason: "the vocabulary has no [UNK]",
        remedy: "use the vocab.txt that came with the model")
    }
    var normalizer = BERTNormalizer()
    var files = ["vocab.txt"]
    if let settings = try settings(directory) {
      files.append(settingsName)
      normalizer.lowercases = settings["do_lower_case"]?.bool ?? true
      normalizer.stripsAccents = settings["strip_accents"]?.bool ?? normalizer.lowercases
      normalizer.separatesIdeographs = settings["tokenize_chinese_chars"]?.bool ?? true
    }
    let wordPiece = WordPiece(vocabulary: vocabulary, normalizer: normalizer, unknown: unknown)
    let added = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].compactMap { name in
      vocabulary.id(of: name).map { AddedTokens.Token(content: name, id: $0) }
    }
    return try Tokenizer(
      model: .wordPiece(wordPiece), vocabulary: vocabulary, added: added, files: files, path: path)
  }

  /// The lines of a UTF-8 file; empty ones at the end do not count.
  private static func lines(_ path: String) throws(FileError) -> [Substring] {
    guard let text = String(validating: try FileContents.read(path), as: UTF8.self) else {
      throw FileError(
        .malformed, path: path, reason: "it is not UTF-8",
        remedy: "use the file that came with the model")
    }
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
      Substring($0.last == "\r" ? $0.dropLast() : $0)
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}
