import PEFTRuntime

extension Tokenizer {
  /// Creates the tokenizer of a class that reads vocabulary files.
  private init(
    _ stages: Stages, added: [AddedTokens.Token], kind: TokenizerClass,
    settings: TokenizerSettings, tables: [String], path: String
  ) throws(FileError) {
    let template = try settings.template(of: kind)
    guard let layout = TokenLayout(template, id: stages.model.vocabulary.id(of:)) else {
      throw FileError(
        .malformed, path: path,
        reason: "the vocabulary lacks a special token that \(kind.name) puts around a text",
        remedy: "use the files that came with the model")
    }
    // A model may expect other tokens around a text than its vocabulary suggests, but no others
    // than a file states.
    var isStated = settings.statesClass
    if case .bare = kind.layout { isStated = isStated || !template.isBare }
    self.init(
      stages, added: added, template: template, layout: layout,
      namesSpecialTokens: isStated ? !template.isBare : nil, files: tables + settings.files)
    try follow(settings)
  }

  /// Creates the tokenizer of `vocab.json` and `merges.txt`.
  static func byteLevelBPE(
    _ files: SmallFiles, _ settings: TokenizerSettings
  ) throws(FileError) -> Tokenizer {
    let path = files.path("vocab.json")
    let stated = try settings.tokenizerClass(reading: .byteLevel)
    guard let object = try files.document("vocab.json")?.object else {
      throw FileError(.malformed, path: path, reason: "not a JSON object of tokens and ids")
    }
    let own = try Vocabulary(object, path: path)
    guard let kind = settings.tokenizerClass(stated, of: own, reading: .byteLevel) else {
      throw noConvention(path)
    }
    try settings.check(kind)
    let added = try settings.addedTokens(of: kind, in: own)
    let bpe = try ByteLevelBPE(
      vocabulary: own.adding(added, path: path), pairs: merges(files),
      path: files.path("merges.txt"))
    let addsPrefixSpace = try settings.flag("add_prefix_space", default: false)
    let splitter: any TextSplitter =
      kind.usesQwenPattern
      ? SequenceSplitter([
        PatternSplitter.qwen,
        ByteLevelSplitter(addsPrefixSpace: addsPrefixSpace, usesPattern: false),
      ]) : ByteLevelSplitter(addsPrefixSpace: addsPrefixSpace)
    return try Tokenizer(
      Stages(
        normalizer: kind.composesText ? UnicodeForm.nfc : nil, splitter: splitter, model: bpe),
      added: added, kind: kind, settings: settings, tables: ["vocab.json", "merges.txt"],
      path: path)
  }

  /// Creates the tokenizer of `vocab.txt`.
  static func wordPiece(
    _ files: SmallFiles, _ settings: TokenizerSettings
  ) throws(FileError) -> Tokenizer {
    let path = files.path("vocab.txt")
    let stated = try settings.tokenizerClass(reading: .wordPiece)
    // The reference drops white space at the ends of lines, of any kind.
    let own = Vocabulary(
      try lines("vocab.txt", of: files).map { line in
        var scalars = line.unicodeScalars
        while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
        return Array(Substring(scalars).utf8)
      })
    let name = try settings.name("unk_token", usual: stated?.tokens["unk_token"] ?? "[UNK]")
    guard let unknown = name.flatMap(own.id(of:)) else {
      throw FileError(
        .malformed, path: path, reason: "the vocabulary has no \(name ?? "token for the unknown")",
        remedy: "use the vocab.txt that came with the model")
    }
    guard let kind = settings.tokenizerClass(stated, of: own, reading: .wordPiece) else {
      throw noConvention(path)
    }
    try settings.check(kind)
    var normalizer = BERTNormalizer()
    normalizer.lowercases = try settings.flag("do_lower_case", default: true)
    normalizer.stripsAccents = try settings.flag("strip_accents", default: normalizer.lowercases)
    normalizer.separatesIdeographs = try settings.flag("tokenize_chinese_chars", default: true)
    let added = try settings.addedTokens(of: kind, in: own)
    let model = WordPiece(vocabulary: try own.adding(added, path: path), unknown: unknown)
    return try Tokenizer(
      Stages(normalizer: normalizer, splitter: BERTSplitter(), model: model), added: added,
      kind: kind, settings: settings, tables: ["vocab.txt"], path: path)
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
