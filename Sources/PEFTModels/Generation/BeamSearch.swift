import Foundation

/// Beam search for one prompt, as transformers implements it.
///
/// The score of a running hypothesis is the sum of its log probabilities. The score of a finished
/// one is that sum divided by length ^ p, where the length counts the end token but not the prompt.
/// Among the 2k best continuations, up to k that do not end are kept running, and any of the k best
/// that end are finished. The search is over when k hypotheses are finished and either `stopsEarly`
/// is set or no running hypothesis would beat the worst of them at its present length.
struct BeamSearch {
  /// A text that is being generated or is finished, without the prompt.
  struct Hypothesis: Hashable {
    var tokens: [Int32] = []
    /// The sum of log probabilities or, once finished, the normalised score.
    var score = 0.0
  }

  /// The continuation of a running hypothesis with `token`.
  struct Step: Hashable {
    /// The index of the hypothesis among those that were running before.
    let parent: Int
    let token: Int32
  }

  private let width: Int
  private let lengthPenalty: Double
  private let stopsEarly: Bool
  private let end: Int32?
  private let limit: Int
  /// The running hypotheses, the best first.
  private(set) var running = [Hypothesis()]
  /// The finished hypotheses, the best first.
  private(set) var finished: [Hypothesis] = []

  init(
    width: Int, lengthPenalty: Double, stopsEarly: Bool, end: Int32?, maximumNewTokens: Int
  ) {
    self.width = width
    self.lengthPenalty = lengthPenalty
    self.stopsEarly = stopsEarly
    self.end = end
    limit = maximumNewTokens
  }

  /// The best text.
  var best: [Int32] { (finished.first ?? running.first)?.tokens ?? [] }

  /// Takes the log probabilities [V] after each running hypothesis, −∞ for tokens that are not
  /// allowed.
  ///
  /// - Returns: the continuations of the search; empty when it is over.
  mutating func advance(_ logProbabilities: [[Double]]) -> [Step] {
    let length = (running.first?.tokens.count ?? 0) + 1
    let candidates = best(2 * width, of: logProbabilities)
    var next: [Hypothesis] = []
    var steps: [Step] = []
    for (rank, candidate) in candidates.enumerated() {
      var hypothesis = running[candidate.step.parent]
      hypothesis.tokens.append(candidate.step.token)
      hypothesis.score = candidate.score
      guard candidate.step.token == end || length == limit else {
        if next.count < width {
          next.append(hypothesis)
          steps.append(candidate.step)
        }
        continue
      }
      guard rank < width else { continue }
      hypothesis.score /= pow(Double(length), lengthPenalty)
      finish(hypothesis)
    }
    running = next
    guard !next.isEmpty, length < limit else { return [] }
    if finished.count == width {
      let reachable = next[0].score / pow(Double(length), lengthPenalty)
      if stopsEarly || reachable <= finished[width - 1].score { return [] }
    }
    return steps
  }

  private mutating func finish(_ hypothesis: Hypothesis) {
    let place = finished.firstIndex { $0.score < hypothesis.score } ?? finished.count
    finished.insert(hypothesis, at: place)
    if finished.count > width { finished.removeLast() }
  }

  /// The `count` best continuations. Ties go to the earlier hypothesis, then to the lower token.
  private func best(
    _ count: Int, of logProbabilities: [[Double]]
  ) -> [(step: Step, score: Double)] {
    var best: [(step: Step, score: Double)] = []
    for (parent, row) in logProbabilities.enumerated() {
      for (token, logProbability) in row.enumerated() where logProbability > -.infinity {
        let score = running[parent].score + logProbability
        if best.count == count, score <= best[count - 1].score { continue }
        let place = best.firstIndex { $0.score < score } ?? best.count
        best.insert((Step(parent: parent, token: Int32(token)), score), at: place)
        if best.count > count { best.removeLast() }
      }
    }
    return best
  }
}
