import PEFTRuntime

extension Unigram {
  /// Creates the model from a `tokenizer.json`, in which `vocab` lists pieces with their scores in
  /// the order of ids.
  init(_ component: Component, _ surroundings: ModelSurroundings) throws(FileError) {
    guard !surroundings.isByteLevel else {
      throw component.unsupported("\"Unigram\" behind \"ByteLevel\"", at: "type")
    }
    guard let entries = component.value["vocab"]?.array else {
      throw component.malformed("it is not a list of pieces and scores", at: "vocab")
    }
    var pieces: [[UInt8]] = []
    var scores: [Double] = []
    for (index, entry) in entries.enumerated() {
      guard let pair = entry.array, pair.count == 2, let piece = pair[0].string,
        let score = pair[1].double, score.isFinite
      else { throw component.malformed("it is not a piece and its score", at: "vocab[\(index)]") }
      pieces.append(Array(piece.utf8))
      scores.append(score)
    }
    let unknown = component.value["unk_id"]?.integer
    guard unknown != nil || !component.isPresent("unk_id"),
      unknown.map(pieces.indices.contains) != false
    else { throw component.malformed("it is not the id of a piece", at: "unk_id") }
    try self.init(
      pieces: pieces, scores: scores, added: surroundings.added, unknown: unknown,
      fallsBackToBytes: component.flag("byte_fallback", default: false), path: component.path)
  }

  /// Creates a model from pieces with their scores, followed by the added tokens that are not
  /// pieces.
  init(
    pieces: [[UInt8]], scores: [Double], added: [AddedTokens.Token], unknown: Int?,
    fallsBackToBytes: Bool, path: String
  ) throws(FileError) {
    let own = Vocabulary(pieces)
    self.init(
      vocabulary: try own.adding(added, size: pieces.count, path: path), scores: scores,
      pieces: own,
      unknown: unknown.map { Int32($0) }, fallsBackToBytes: fallsBackToBytes)
  }
}
