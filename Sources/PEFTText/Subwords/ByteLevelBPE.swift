import PEFTRuntime

/// Byte-level byte-pair encoding, as used by RoBERTa, GPT-2 and Llama 3 (Radford et al. 2019). A
/// word is the sequence of its bytes' tokens, to which merges are applied.
struct ByteLevelBPE: SubwordModel {
  let vocabulary: Vocabulary
  private let merger: BPEMerger
  private let byteIDs: [Int32]
  private let unknown: Int32?
  private let takesWholeWords: Bool

  private static let missing: Int32 = -1

  /// - Parameters:
  ///   - pairs: the merges in their order, each with its place in the file `path` for messages.
  ///   - unknown: the token for a byte that the vocabulary lacks; nil drops the byte.
  ///   - takesWholeWords: whether a word that is itself a token is used without applying merges.
  init(
    vocabulary: Vocabulary, pairs: [(left: String, right: String, place: String)],
    unknown: Int32? = nil, takesWholeWords: Bool = false, path: String
  ) throws(FileError) {
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.takesWholeWords = takesWholeWords
    byteIDs = (UInt8.min...UInt8.max).map {
      vocabulary.id(of: ByteAlphabet.token(of: $0)) ?? Self.missing
    }
    merger = try BPEMerger(pairs, vocabulary: vocabulary, path: path)
  }

  /// Creates the model from a `tokenizer.json`.
  init(_ component: Component, _ surroundings: ModelSurroundings) throws(FileError) {
    let file = BPEComponent(component)
    let vocabulary = try file.vocabulary(surroundings)
    try file.refuseOtherKinds()
    guard try !component.flag("byte_fallback", default: false) else {
      throw component.unsupported("true", at: "byte_fallback")
    }
    try self.init(
      vocabulary: vocabulary, pairs: file.merges(),
      unknown: component.value["unk_token"]?.string.flatMap(vocabulary.id(of:)),
      takesWholeWords: component.flag("ignore_merges", default: false), path: component.path)
  }

  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    if takesWholeWords {
      let token = Array(word.map { ByteAlphabet.token(of: $0) }.joined().utf8)
      let id = token.withUnsafeBufferPointer { vocabulary.ownID(of: $0, hash: ByteTable.hash($0)) }
      if let id { return ids.append(id) }
    }
    let symbols = word.compactMap { byte in
      let id = byteIDs[Int(byte)]
      return id == Self.missing ? unknown : id
    }
    merger.append(merging: symbols, to: &ids)
  }

  var usualDecoder: any TokenDecoder { ByteLevelDecoder() }
}
