import PEFTTensor
import PEFTText

/// Running text in the form that language models see.
///
/// The texts form one stream, so that documents are packed without gaps. If there are several, each
/// ends with the end-of-text token. For causal models the stream is divided into windows. For
/// RoBERTa and BERT it is divided into pieces that fit between the special tokens, and tokens of
/// each piece are masked; the stride has no effect there and is not used.
struct RunningText {
  let isCausal: Bool
  let tokenizer: Tokenizer

  /// The number of characters of a text that are encoded at a time, extended to the next line end.
  private static let pieceSize = 1 << 16

  func encode(
    _ rows: TaskReader.Rows, windows: TextWindows
  ) throws(FileError) -> EncodedDataset {
    var stream: [Int32] = []
    let encoded = ids(of: rows.examples.map(\.text))
    for (example, ids) in zip(rows.examples, encoded) {
      guard example.pair == nil else {
        throw FileError(
          .malformed, path: rows.path, place: "line \(example.line)",
          reason: "two texts instead of one", remedy: "say `task` completion for pairs")
      }
      stream += ids
      if let end = tokenizer.special.end, rows.examples.count > 1 { stream.append(end) }
    }
    guard stream.count > 1 else {
      throw FileError(
        .malformed, path: rows.path, reason: "the text has fewer than two tokens",
        remedy: "check the file")
    }
    guard !isCausal else { return EncodedDataset(stream: stream, windows: windows) }
    guard let masking = TokenMasking(tokenizer), let begin = tokenizer.special.begin,
      let end = tokenizer.special.end
    else {
      throw FileError(
        .unsupported, path: rows.path, reason: "the vocabulary has no mask token",
        remedy: "use a RoBERTa or BERT model with its own tokenizer")
    }
    guard stream.contains(where: { !masking.specialIDs.contains($0) }) else {
      throw FileError(
        .malformed, path: rows.path, reason: "it has no token that could be masked",
        remedy: "check the file")
    }
    let size = windows.context - 2
    return EncodedDataset(
      masked: stride(from: 0, to: stream.count, by: size).map {
        [begin] + stream[$0..<min(stream.count, $0 + size)] + [end]
      }, masking: masking)
  }

  /// The tokens of each text without special tokens around it. Long texts are encoded in parallel,
  /// in pieces that end with a line: no token crosses a line end between two characters that are
  /// not spaces. A tokenizer that puts a `▁` before every text encodes them whole.
  private func ids(of texts: [String]) -> [[Int32]] {
    let line = bare(["a\na", "a\n", "a"])
    guard line[0] == line[1] + line[2] else { return bare(texts) }
    let pieces = texts.map(Self.pieces)
    var encoded = bare(pieces.flatMap(\.self))[...]
    return pieces.map { pieces in
      defer { encoded = encoded.dropFirst(pieces.count) }
      return encoded.prefix(pieces.count).flatMap(\.self)
    }
  }

  private func bare(_ texts: [String]) -> [[Int32]] {
    let (before, behind) = (tokenizer.template.countBefore, tokenizer.template.countBehind)
    return tokenizer.encode(texts.map { ($0, nil) }).map {
      Array($0.ids.dropFirst(before).dropLast(behind))
    }
  }

  /// Splits after a line feed that has no white space on either side.
  static func pieces(of text: String) -> [String] {
    let bytes = Array(text.utf8)
    var pieces: [String] = []
    var start = 0
    while start < bytes.count {
      var end = min(bytes.count, start + pieceSize)
      while end < bytes.count, !isCut(bytes, end) { end += 1 }
      pieces.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end
    }
    return pieces
  }

  private static func isCut(_ bytes: [UInt8], _ index: Int) -> Bool {
    func isBlack(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }
    return index > 1 && bytes[index - 1] == UInt8(ascii: "\n") && isBlack(bytes[index - 2])
      && isBlack(bytes[index])
  }
}
