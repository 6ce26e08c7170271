import PEFTRuntime

extension Tokenizer {
  /// The relation between the ids of a model and the pieces of its SentencePiece file.
  public enum PieceOrder: Hashable, Sendable {
    /// Ids are positions in the file, as in T5.
    case file
    /// `<s>`, `<pad>`, `</s>` and `<unk>` come first and `<mask>` last, as in XLM-R. The file's own
    /// first three pieces, `<unk>`, `<s>` and `</s>`, are left out.
    case fairseq
  }

  /// Creates the tokenizer of a Unigram model from the bytes of a file that SentencePiece wrote.
  /// `path` is used in messages.
  ///
  /// The file does not define the special tokens around a text. They are `<s> a </s>` in fairseq's
  /// order and `a </s>` in the file's own order. Files with other special tokens, and models of
  /// type BPE, are rejected.
  public init(
    sentencePiece bytes: [UInt8], order: PieceOrder, path: String
  ) throws(FileError) {
    try self.init(
      sentencePiece: bytes, order: order, path: path, named: [], files: [Self.name(path)])
  }

  /// Creates the tokenizer of the SentencePiece file `name` with the settings beside it.
  static func pieces(
    _ name: String, of files: SmallFiles, _ order: PieceOrder, _ settings: TokenizerSettings
  ) throws(FileError) -> Tokenizer {
    let stated = try settings.tokenizerClass(reading: order == .fairseq ? .fairseq : .pieces)
    let usual = order == .fairseq ? "XLMRobertaTokenizer" : "T5Tokenizer"
    if let kind = stated ?? TokenizerClass.named(usual) {
      try settings.check(kind)
      guard try settings.template(of: kind).hasTokens(of: order == .fairseq ? .roberta : .t5),
        try settings.flag("add_prefix_space", default: true)
      else {
        throw otherSpecialTokens(
          "its settings name other special tokens, or no space before a text", files.path(name))
      }
    }
    let named = settings.numbered + (try settings.specialTokens())
    if let extra = named.first(where: { order == .file && $0.content.hasPrefix("<extra_id_") }) {
      throw otherSpecialTokens(
        "the settings name \(extra.content), whose id is not known without a tokenizer.json",
        files.path(name))
    }
    var tokenizer = try Tokenizer(
      sentencePiece: files.existing(name), order: order, path: files.path(name), named: named,
      files: [name] + settings.files)
    try tokenizer.follow(settings)
    return tokenizer
  }

  /// - Parameter named: tokens that settings beside the file name.
  private init(
    sentencePiece bytes: [UInt8], order: PieceOrder, path: String, named: [AddedTokens.Token],
    files: [String]
  ) throws(FileError) {
    let file = try SentencePieceFile(bytes, path: path)
    var pieces = file.pieces
    var unknown = file.unknown
    if order == .fairseq {
      guard pieces.prefix(3).map({ String(decoding: $0.text, as: UTF8.self) }) == Self.first else {
        throw Self.otherSpecialTokens("it does not begin with <unk>, <s> and </s>", path)
      }
      let special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].map {
        SentencePieceFile.Piece(text: Array($0.utf8), score: 0, kind: .control)
      }
      pieces = special.dropLast() + pieces.dropFirst(3) + special.suffix(1)
      unknown = 3
    }
    var added: [AddedTokens.Token] = []
    for (id, piece) in pieces.enumerated()
    where [.control, .userDefined, .unknown].contains(piece.kind) && !piece.text.isEmpty {
      let name = String(decoding: piece.text, as: UTF8.self)
      added.append(
        AddedTokens.Token(
          content: name, id: Int32(id), stripsLeft: name == "<mask>",
          isSpecial: piece.kind != .userDefined))
    }
    var known = Set(added.map { Array($0.content.utf8) })
    added += named.filter { known.insert(Array($0.content.utf8)).inserted }
    let model = try Unigram(
      pieces: pieces.map(\.text), scores: pieces.map(\.score), added: added, unknown: unknown,
      fallsBackToBytes: file.fallsBackToBytes, path: path)
    let stages = Stages(
      normalizer: file.normalizer, splitter: file.splitter, model: model, decoder: file.splitter)
    try self.init(
      stages, added: added, processor: .missing(path: path), files: files, path: path)
    guard template == (order == .fairseq ? .roberta : .t5) else {
      throw Self.otherSpecialTokens("it is no model like T5, with </s> alone around a text", path)
    }
  }

  private static let first = ["<unk>", "<s>", "</s>"]

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func otherSpecialTokens(_ reason: String, _ path: String) -> FileError {
    FileError(
      .unsupported, path: path, reason: reason,
      remedy: "convert it to a tokenizer.json with transformers and put that beside it")
  }
}
