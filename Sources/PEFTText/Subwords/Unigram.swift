import PEFTRuntime

/// The unigram language model of SentencePiece (Kudo 2018).
///
/// A word is split into the vocabulary pieces whose log probabilities have the largest sum, found
/// by Viterbi's recursion over the bytes of the word: best(e) = max over pieces that end at e of
/// best(start) + score. A character that is not a piece costs 10 more than the worst piece.
/// Adjacent unknown characters form one token. Among equal sums the one found first is kept, which
/// is the one with the longer last piece.
struct Unigram: SubwordModel {
  let vocabulary: Vocabulary
  private let scores: [Double]
  private let unknown: Int32?
  private let unknownScore: Double
  private let bytes: ByteFallback?
  private let trie: PieceTrie

  private static let unknownPenalty = 10.0
  private static let missing: Int32 = -1

  /// Creates a model in which token i has the score `scores[i]`. Later tokens are added ones and
  /// are never found inside a word.
  init(
    vocabulary: Vocabulary, scores: [Double], pieces: Vocabulary, unknown: Int32?,
    fallsBackToBytes: Bool
  ) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    bytes = fallsBackToBytes ? ByteFallback(pieces) : nil
    trie = PieceTrie(pieces)
  }

  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    var run: Range<Int>?
    func endRun() {
      if let run { appendUnknown(word[part: run], to: &ids) }
      run = nil
    }
    for (id, range) in bestPath(of: word) {
      if id == unknown ?? Self.missing {
        run = (run?.lowerBound ?? range.lowerBound)..<range.upperBound
      } else {
        endRun()
        ids.append(id)
      }
    }
    endRun()
  }

  /// The best path to a byte of a word: its score, its last piece, and the start of that piece.
  private struct Step {
    var score = -Double.infinity
    var start: Int32 = -1
    var id: Int32 = -1
  }

  private func bestPath(
    of word: UnsafeBufferPointer<UInt8>
  ) -> [(id: Int32, range: Range<Int>)] {
    var steps = [Step](repeating: Step(), count: word.count + 1)
    steps[0].score = 0
    var start = 0
    while start < word.count {
      let next = word.scalar(at: start).next
      let score = steps[start].score
      var hasCharacter = false
      func consider(_ id: Int32, _ score: Double, _ end: Int) {
        if steps[end].start < 0 || score > steps[end].score {
          steps[end] = Step(score: score, start: Int32(start), id: id)
        }
      }
      trie.forEachToken(in: word, from: start) { id, end in
        consider(id, score + scores[Int(id)], end)
        if end == next { hasCharacter = true }
      }
      if !hasCharacter { consider(unknown ?? Self.missing, score + unknownScore, next) }
      start = next
    }
    var path: [(id: Int32, range: Range<Int>)] = []
    var end = word.count
    while end > 0 {
      let step = steps[end]
      path.append((step.id, Int(step.start)..<end))
      end = Int(step.start)
    }
    return path.reversed()
  }

  /// Appends unknown characters: as the token that they form together, as bytes, or as the unknown
  /// token. A vocabulary without an unknown token drops them.
  private func appendUnknown(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    if let id = vocabulary.ownID(of: text, hash: ByteTable.hash(text)) {
      ids.append(id)
    } else if bytes?.append(text, to: &ids) != true, let unknown {
      ids.append(unknown)
    }
  }

  var usualDecoder: any TokenDecoder { SpacedDecoder() }
}
