import PEFTTensor

/// An error about a prompt that cannot be continued. The message says what would help.
public struct GenerationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The index of the prompt, from 0.
  public let prompt: Int
  /// A description of what is wrong.
  public let description: String
}

extension TransformerModel {
  /// Generates continuations of prompts.
  ///
  /// A text ends with the token `end`, which is part of the result, after `maximumNewTokens`
  /// tokens, or when the context is full. Except for rounding, the result for a prompt does not
  /// depend on the other prompts.
  ///
  /// - Parameters:
  ///   - end: the token that ends a text; nil if there is none.
  ///   - observe: called with every new token of every prompt as it is chosen; not called by beam
  ///     search.
  ///   - shouldStop: called before every batch of prompts; returning true stops generation.
  /// - Returns: the new tokens for each prompt. If generation was stopped, only for the first
  ///   prompts.
  /// - Throws: for an empty prompt, a prompt that fills the context, and a model that is not
  ///   causal.
  public func generate(
    _ prompts: [[Int32]], settings: GenerationSettings, end: Int32?,
    observe: (_ prompt: Int, _ token: Int32) -> Void = { _, _ in },
    shouldStop: () -> Bool = { false }
  ) throws(GenerationError) -> [[Int32]] {
    for (index, prompt) in prompts.enumerated() { try check(prompt, index) }
    return frozen {
      var results: [[Int32]] = []
      for first in stride(from: 0, to: prompts.count, by: max(1, settings.batchSize)) {
        if shouldStop() { break }
        let part = Array(prompts[first..<min(prompts.count, first + max(1, settings.batchSize))])
        guard var decoder = CausalDecoder(self) else { break }
        var run = GenerationRun(
          prompts: part, first: first, settings: settings, end: end,
          context: configuration.maximumLength)
        run.write(with: &decoder, observe: observe)
        results += run.results
      }
      return results
    }
  }

  private func check(_ prompt: [Int32], _ index: Int) throws(GenerationError) {
    let limit = configuration.maximumLength
    guard configuration.isCausal, vocabulary != nil else {
      throw GenerationError(
        prompt: index, description: "only a causal language model can generate text")
    }
    guard !prompt.isEmpty else {
      throw GenerationError(prompt: index, description: "the prompt is empty")
    }
    guard prompt.count < limit else {
      throw GenerationError(
        prompt: index,
        description: "the prompt has \(prompt.count) tokens, and the model's context of \(limit) "
          + "leaves no room to generate text; shorten it")
    }
  }
}

/// The prompts of one batch and the tokens generated for them.
private struct GenerationRun {
  let prompts: [[Int32]]
  /// The index of the first prompt among all prompts.
  let first: Int
  let settings: GenerationSettings
  let end: Int32?
  let context: Int
  private(set) var results: [[Int32]]

  init(
    prompts: [[Int32]], first: Int, settings: GenerationSettings, end: Int32?, context: Int
  ) {
    self.prompts = prompts
    self.first = first
    self.settings = settings
    self.end = end
    self.context = context
    results = prompts.map { _ in [] }
  }

  mutating func write(
    with decoder: inout CausalDecoder, observe: (Int, Int32) -> Void
  ) {
    if case .beams(let width, let penalty, let stopsEarly) = settings.strategy {
      search(
        with: &decoder,
        prompts.indices.map {
          BeamSearch(
            width: width, lengthPenalty: penalty, stopsEarly: stopsEarly, end: end,
            maximumNewTokens: room($0))
        })
    } else {
      step(with: &decoder, observe: observe)
    }
  }

  /// The maximum number of tokens that may follow a prompt.
  private func room(_ prompt: Int) -> Int {
    min(settings.maximumNewTokens, context - prompts[prompt].count)
  }

  /// Generates one token at a time for every unfinished prompt.
  private mutating func step(
    with decoder: inout CausalDecoder, observe: (Int, Int32) -> Void
  ) {
    var generators = prompts.indices.map {
      SeededGenerator(seed: settings.seed, purpose: "sampling").split(first + $0)
    }
    var active = Array(prompts.indices)
    var (sequences, logits) = decoder.read(prompts)
    while true {
      var tokens: [Int32] = []
      var going: [Int] = []
      for (row, prompt) in active.enumerated() {
        let token = choose(logits.row(row), prompt, &generators[prompt])
        results[prompt].append(token)
        observe(first + prompt, token)
        if token != end, results[prompt].count < room(prompt) {
          tokens.append(token)
          going.append(row)
        }
      }
      active = going.map { active[$0] }
      guard !active.isEmpty else { return }
      sequences = going.map { sequences[$0] }
      logits = decoder.append(tokens, to: &sequences)
    }
  }

  private func choose(
    _ logits: [Float], _ prompt: Int, _ generator: inout SeededGenerator
  ) -> Int32 {
    var logits = logits
    for token in blocked(after: prompts[prompt] + results[prompt]) {
      logits[Int(token)] = -.infinity
    }
    guard case .sampling(let temperature, let topK, let topP) = settings.strategy else {
      return Int32(TokenChoice.largest(logits))
    }
    return Int32(
      TokenChoice.draw(
        TokenChoice.probabilities(logits, temperature: temperature, topK: topK, topP: topP),
        using: &generator))
  }

  /// Runs beam search for all prompts in parallel.
  private mutating func search(
    with decoder: inout CausalDecoder, _ beginnings: [BeamSearch]
  ) {
    var searches = beginnings
    var active = Array(prompts.indices)
    var (sequences, logits) = decoder.read(prompts)
    while true {
      var tokens: [Int32] = []
      var grown: [CausalDecoder.Sequence] = []
      var going: [Int] = []
      var row = 0
      for prompt in active {
        let running = searches[prompt].running
        let scores = running.indices.map { index in
          var scores = TokenChoice.logProbabilities(logits.row(row + index))
          for token in blocked(after: prompts[prompt] + running[index].tokens) {
            scores[Int(token)] = -.infinity
          }
          return scores
        }
        let steps = searches[prompt].advance(scores)
        for step in steps {
          tokens.append(step.token)
          grown.append(sequences[row + step.parent])
        }
        if !steps.isEmpty { going.append(prompt) }
        row += running.count
      }
      active = going
      guard !active.isEmpty else { break }
      sequences = grown
      logits = decoder.append(tokens, to: &sequences)
    }
    results = searches.map(\.best)
  }

  private func blocked(after text: [Int32]) -> Set<Int32> {
    settings.blockedRepeat.map { TokenChoice.blocked($0, after: text) } ?? []
  }
}

extension Tensor {
  /// The elements of one row.
  fileprivate func row(_ index: Int) -> [Float] { rows(index..<index + 1).elements }
}
