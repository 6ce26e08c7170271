import PEFTTensor

/// Assigns numbers to tokens, equal if the tokens' bytes are equal. Slices of such numbers serve as
/// n-grams.
struct TokenNumbers {
  private var numbers: [UTF8Key: Int] = [:]

  /// The number of each token; a new token gets the next free number.
  mutating func callAsFunction(_ tokens: [String]) -> [Int] {
    tokens.map { token in
      let key = UTF8Key(token)
      if let number = numbers[key] { return number }
      numbers[key] = numbers.count
      return numbers.count - 1
    }
  }
}

/// The n-grams of one order in a text.
struct NGramCounts {
  /// How often each n-gram occurs.
  private(set) var counts: [ArraySlice<Int>: Int] = [:]
  /// The distinct n-grams in order of first appearance.
  private(set) var distinct: [ArraySlice<Int>] = []
  /// The number of n-grams, including repetitions.
  let total: Int

  /// Counts the n-grams of `order` tokens. O(tokens · order).
  init(_ tokens: [Int], order: Int) {
    total = max(0, tokens.count - order + 1)
    for start in 0..<total {
      let gram = tokens[start..<(start + order)]
      counts[gram, default: 0] += 1
      if counts[gram] == 1 { distinct.append(gram) }
    }
  }

  /// The number of occurrences of `gram`.
  subscript(gram: ArraySlice<Int>) -> Int { counts[gram, default: 0] }
}

/// Traps if texts have no references, or if the numbers of outputs and references differ.
func checkSegments(_ outputs: [String], _ references: [[String]], of metric: String) {
  precondition(
    outputs.count == references.count && !outputs.isEmpty,
    "\(metric): \(outputs.count) outputs, \(references.count) lists of references")
  precondition(
    references.allSatisfy { !$0.isEmpty }, "\(metric): an output has no reference at all")
}
