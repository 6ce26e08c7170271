import PEFTRuntime

/// The parts of a SentencePiece model file that a tokenizer needs.
struct SentencePieceFile {
  /// The purpose of a piece.
  enum Kind: Int {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// A piece of the vocabulary with its log probability.
  struct Piece {
    let text: [UInt8]
    let score: Double
    let kind: Kind
  }

  let pieces: [Piece]
  let unknown: Int
  let fallsBackToBytes: Bool
  let normalizer: any TextNormalizer
  let splitter: Metaspace
  let path: String

  init(_ bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    let model = try ProtobufMessage(bytes, bytes.indices, path: path)
    var pieces: [Piece] = []
    for (index, piece) in try model.messages(1).enumerated() {
      let score = Double(piece.float(2) ?? 0)
      guard let text = piece.bytes(1), String(validating: text, as: UTF8.self) != nil,
        score.isFinite, let kind = Kind(rawValue: piece.integer(3) ?? 1)
      else { throw Self.malformed("piece \(index)", "it is no text with a score and a type", path) }
      pieces.append(Piece(text: text, score: score, kind: kind))
    }
    let trainer = try model.messages(2).last
    guard trainer?.integer(3) ?? 1 == 1 else {
      throw Self.unsupported("trainer_spec.model_type", "a model other than Unigram", path)
    }
    guard trainer?.integer(24) ?? 0 == 0 else {
      throw Self.unsupported("trainer_spec", "treat_whitespace_as_suffix", path)
    }
    let unknown = trainer?.integer(40) ?? 0
    guard pieces.indices.contains(unknown), pieces[unknown].kind == .unknown else {
      throw Self.malformed("trainer_spec.unk_id", "it is not the id of the unknown piece", path)
    }
    self.pieces = pieces
    self.unknown = unknown
    fallsBackToBytes = trainer?.integer(35) ?? 0 != 0
    let rules = try model.messages(3).last
    guard rules?.integer(5) ?? 1 != 0 else {
      throw Self.unsupported("normalizer_spec", "escape_whitespaces: false", path)
    }
    normalizer = try Self.normalizer(rules, path)
    splitter = Metaspace(prefix: rules?.integer(3) ?? 1 != 0 ? .always : .never)
  }

  private static func normalizer(
    _ rules: ProtobufMessage?, _ path: String
  ) throws(FileError) -> any TextNormalizer {
    var parts: [any TextNormalizer] = []
    if let bytes = rules?.bytes(2), !bytes.isEmpty {
      guard let table = CharacterMap(bytes) else {
        throw malformed("normalizer_spec.precompiled_charsmap", "it is not a table", path)
      }
      parts.append(PrecompiledNormalizer(table))
    }
    if rules?.integer(4) ?? 1 != 0 {
      parts.append(StripSpace(atStart: false, atEnd: true))
      parts.append(Replace(.run(of: UInt8(ascii: " "), atLeast: 2), by: "▁"))
    }
    return SequenceNormalizer(parts)
  }

  private static func malformed(_ place: String, _ reason: String, _ path: String) -> FileError {
    FileError(
      .malformed, path: path, place: place, reason: reason,
      remedy: "use the file that came with the model")
  }

  private static func unsupported(_ place: String, _ what: String, _ path: String) -> FileError {
    FileError(
      .unsupported, path: path, place: place, reason: "\(what) is not supported",
      remedy: "convert it to a tokenizer.json with transformers and put that beside it")
  }
}
