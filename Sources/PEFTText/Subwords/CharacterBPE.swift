import PEFTRuntime

/// Byte-pair encoding that starts from characters, as used by Llama 2 and Gemma. A character that
/// the vocabulary lacks becomes the tokens of its bytes, or the unknown token.
struct CharacterBPE: SubwordModel {
  let vocabulary: Vocabulary
  private let merger: BPEMerger
  private let unknown: Int32?
  private let bytes: ByteFallback?
  private let fusesUnknown: Bool
  private let takesWholeWords: Bool

  /// Creates the model from a `tokenizer.json`.
  init(_ component: Component, _ surroundings: ModelSurroundings) throws(FileError) {
    let file = BPEComponent(component)
    try file.refuseOtherKinds()
    vocabulary = try file.vocabulary(surroundings)
    merger = try BPEMerger(file.merges(), vocabulary: vocabulary, path: component.path)
    let name = component.value["unk_token"]?.string
    unknown = name.flatMap(vocabulary.id(of:))
    guard name == nil || unknown != nil else {
      throw component.malformed("the vocabulary does not have it", at: "unk_token")
    }
    bytes =
      try component.flag("byte_fallback", default: false) ? ByteFallback(vocabulary) : nil
    fusesUnknown = try component.flag("fuse_unk", default: false)
    takesWholeWords = try component.flag("ignore_merges", default: false)
  }

  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    if takesWholeWords, let id = vocabulary.ownID(of: word, hash: ByteTable.hash(word)) {
      return ids.append(id)
    }
    var symbols: [Int32] = []
    var isUnknown = false
    var position = 0
    while position < word.count {
      let next = word.scalar(at: position).next
      let character = word[part: position..<next]
      position = next
      if let id = vocabulary.ownID(of: character, hash: ByteTable.hash(character)) {
        symbols.append(id)
        isUnknown = false
      } else if bytes?.append(character, to: &symbols) == true {
        isUnknown = false
      } else if let unknown {
        if !(isUnknown && fusesUnknown) { symbols.append(unknown) }
        isUnknown = true
      }
    }
    merger.append(merging: symbols, to: &ids)
  }

  var usualDecoder: any TokenDecoder { SpacedDecoder() }
}
