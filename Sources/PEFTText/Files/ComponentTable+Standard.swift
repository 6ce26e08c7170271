import PEFTRuntime

extension ComponentTable {
  /// All components of this package. To add one, add a file and a line here.
  static let standard = ComponentTable(
    normalizers: [
      "BertNormalizer": { c throws(FileError) in try BERTNormalizer(c) },
      "Lowercase": { _ in Lowercase() },
      "NFC": { _ in UnicodeForm.nfc },
      "NFD": { _ in UnicodeForm.nfd },
      "NFKC": { _ in UnicodeForm.nfkc },
      "NFKD": { _ in UnicodeForm.nfkd },
      "Precompiled": { c throws(FileError) in try PrecompiledNormalizer(c) },
      "Prepend": { c throws(FileError) in try Prepend(c) },
      "Replace": { c throws(FileError) in try Replace(c) },
      "Sequence": { c throws(FileError) in try SequenceNormalizer(c) },
      "Strip": { c throws(FileError) in try StripSpace(c) },
      "StripAccents": { _ in StripAccents() },
    ],
    splitters: [
      "BertPreTokenizer": { _ in BERTSplitter() },
      "ByteLevel": { c throws(FileError) in try ByteLevelSplitter(c) },
      "Digits": { c throws(FileError) in try DigitSplitter(c) },
      "Metaspace": { c throws(FileError) in try Metaspace(c) },
      "Sequence": { c throws(FileError) in try SequenceSplitter(c) },
      "Split": { c throws(FileError) in try PatternSplitter(c) },
      "WhitespaceSplit": { _ in WhitespaceSplitter() },
    ],
    models: [
      "BPE": { c, surroundings throws(FileError) in
        guard surroundings.isByteLevel else { return try CharacterBPE(c, surroundings) }
        return try ByteLevelBPE(c, surroundings)
      },
      "Unigram": { c, surroundings throws(FileError) in try Unigram(c, surroundings) },
      "WordPiece": { c, surroundings throws(FileError) in try WordPiece(c, surroundings) },
    ],
    decoders: [
      "ByteFallback": { _ in ByteFallbackDecoder() },
      "ByteLevel": { _ in ByteLevelDecoder() },
      "Fuse": { _ in FuseDecoder() },
      "Metaspace": { c throws(FileError) in try Metaspace(c) },
      "Replace": { c throws(FileError) in try Replace(c) },
      "Sequence": { c throws(FileError) in try SequenceDecoder(c) },
      "Strip": { c throws(FileError) in try StripDecoder(c) },
      "WordPiece": { c throws(FileError) in try WordPieceDecoder(c) },
    ])
}

extension Component {
  /// A placeholder for a component that a file does not have.
  static func missing(path: String) -> Component {
    Component(value: .null, place: "", path: path, table: .standard)
  }
}
