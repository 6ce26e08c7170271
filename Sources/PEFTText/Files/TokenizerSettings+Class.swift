import PEFTRuntime

/// The tokenizer's class in transformers, as the settings or the model's configuration state it.
extension TokenizerSettings {
  /// The name of the class, with the file and the place that state it; nil if none does.
  private var statedClass: (name: String, path: String)? {
    if let setting = settings["tokenizer_class"], let name = setting.value.string {
      return (name, setting.path)
    }
    return configuration?["tokenizer_class"]?.string.map { ($0, configurationPath) }
  }

  /// Whether a file states the class.
  var statesClass: Bool { statedClass != nil }

  /// Throws if the class, stated or usual, does not read a `tokenizer.json`.
  func refuseOwnFiles() throws(FileError) {
    if let (name, path) = statedClass {
      guard TokenizerClass.readsOwnFiles(name) else { return }
      throw Self.unsupported(name, path, "tokenizer_class")
    }
    let type = configuration?["model_type"]?.string
    guard let name = type.flatMap(TokenizerClass.usualName(ofModelType:)),
      TokenizerClass.readsOwnFiles(name)
    else { return }
    throw Self.unsupported(name, configurationPath, "model_type")
  }

  /// The class that reads `table`: the one that a file states, or the usual one of the model's
  /// family; nil if only the vocabulary tells. A class that this package does not have is rejected
  /// by name.
  func tokenizerClass(
    reading table: TokenizerClass.Table
  ) throws(FileError) -> TokenizerClass? {
    if let (name, path) = statedClass {
      guard let known = TokenizerClass.named(name) else {
        throw Self.unsupported(name, path, "tokenizer_class")
      }
      guard known.table == table else {
        throw FileError(
          .unsupported, path: path, place: "tokenizer_class",
          reason: "\(name) does not read \(Self.files(of: table)), which the directory has",
          remedy: "name the class that wrote these files")
      }
      return known
    }
    guard let type = configuration?["model_type"]?.string,
      let name = TokenizerClass.usualName(ofModelType: type)
    else { return nil }
    guard let known = TokenizerClass.named(name) else {
      throw Self.unsupported(name, configurationPath, "model_type")
    }
    return known.table == table ? known : nil
  }

  /// The class of a tokenizer with this vocabulary, given what `tokenizerClass(reading:)` found.
  /// The usual class of a model's family counts only if the vocabulary has its special tokens or
  /// the settings name others. Nil if the vocabulary has those of no known convention either.
  func tokenizerClass(
    _ found: TokenizerClass?, of vocabulary: Vocabulary, reading table: TokenizerClass.Table
  ) -> TokenizerClass? {
    guard let found else {
      var kind = TokenizerClass.conventional(vocabulary, reading: table)
      if table == .byteLevel { kind?.recognizesUsualTokens = false }
      return kind
    }
    let suits = ["cls_token", "sep_token", "eos_token"].allSatisfy { role in
      settings[role] != nil || found.tokens[role].map { vocabulary.id(of: $0) != nil } ?? true
    }
    return suits || statesClass
      ? found : TokenizerClass.conventional(vocabulary, reading: table) ?? found
  }

  private static func files(of table: TokenizerClass.Table) -> String {
    switch table {
    case .wordPiece: "vocab.txt"
    case .byteLevel: "vocab.json and merges.txt"
    case .fairseq: TokenizerFiles.fairseqName
    case .pieces: TokenizerFiles.pieceName
    }
  }

  private static func unsupported(_ name: String, _ path: String, _ place: String) -> FileError {
    if TokenizerClass.readsOwnFiles(name) {
      return FileError(
        .unsupported, path: path, place: place,
        reason: "\(name) splits texts by rules that this package does not have",
        remedy: "use a model with the tokenizer of BERT, RoBERTa, GPT-2 or Llama")
    }
    return FileError(
      .unsupported, path: path, place: place,
      reason: "\(name) is not supported without a tokenizer.json",
      remedy: "convert it to a tokenizer.json with transformers and put that beside it")
  }

  /// Throws if `add_bos_token` or `add_eos_token` contradicts the template of a `tokenizer.json`.
  /// Which of the two the reference follows depends on its class and version.
  func checkTokensAround(_ tokenizer: Tokenizer) throws(FileError) {
    if let (name, _) = statedClass, TokenizerClass.fixesTokensAround(name) { return }
    let isStated = tokenizer.namesSpecialTokens == true
    for (name, isThere, side) in [
      ("add_bos_token", isStated && tokenizer.template.countBefore > 0, "before"),
      ("add_eos_token", isStated && tokenizer.template.countBehind > 0, "behind"),
    ] {
      guard try flag(name, default: isThere) != isThere, let setting = settings[name] else {
        continue
      }
      throw FileError(
        .unsupported, path: setting.path, place: name,
        reason: "it is \(!isThere), but tokenizer.json next to it puts "
          + (isThere ? "a token" : "no token") + " \(side) a text",
        remedy: "make both say what the model was trained with")
    }
  }
}
