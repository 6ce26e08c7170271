/// The size of a batch.
public enum BatchSize: Hashable, Sendable {
  /// A fixed number of examples.
  case examples(Int)
  /// As many examples as fit into this number of tokens, at least one. Batches are packed, so the
  /// cost of a batch is the sum of its lengths.
  case tokens(Int)
}

/// Divides the examples of an epoch into batches.
///
/// Every index from 0 is in exactly one batch; the last batch may be smaller. The plan depends only
/// on the lengths and the permutations.
public struct BatchPlan: Hashable, Sendable {
  /// The size of a batch.
  public let size: BatchSize
  /// The number of batches in a window within which examples of similar length are grouped, or nil
  /// for no windows. A window of 1 changes only the order within batches. The larger the window,
  /// the more equal the lengths in a batch and the less random its content.
  public let lengthWindow: Int?

  /// A plan for batches of `size`, which must be positive, as must `lengthWindow`.
  public init(size: BatchSize, lengthWindow: Int? = nil) {
    switch size {
    case .examples(let count): precondition(count > 0, "BatchPlan: \(count) examples a batch")
    case .tokens(let count): precondition(count > 0, "BatchPlan: \(count) tokens a batch")
    }
    if let lengthWindow {
      precondition(lengthWindow > 0, "BatchPlan: a window of \(lengthWindow) batches")
    }
    self.size = size
    self.lengthWindow = lengthWindow
  }

  /// The batches of one epoch, as indices into `lengths`, the numbers of tokens of the examples.
  ///
  /// `permutation(n)` returns the numbers from 0 to n - 1 in random order, as a function of seed
  /// and epoch. It is called with the number of examples and, if `lengthWindow` is set, once more
  /// with the number of batches. The examples are permuted, each window of them is sorted by length
  /// and divided, and then the batches are permuted. O(n log n).
  public func batches(lengths: [Int], permutation: (Int) -> [Int]) -> [[Int]] {
    let order = permutation(lengths.count)
    precondition(
      order.count == lengths.count,
      "BatchPlan: a permutation of \(order.count) for \(lengths.count) examples")
    guard let lengthWindow else { return cut(order, into: size, lengths: lengths) }
    let batches = cut(order, into: size.scaled(by: lengthWindow), lengths: lengths).flatMap {
      window in
      let sorted = window.enumerated().sorted { left, right in
        (lengths[left.element], left.offset) < (lengths[right.element], right.offset)
      }
      return cut(sorted.map(\.element), into: size, lengths: lengths)
    }
    return permutation(batches.count).map { batches[$0] }
  }

  /// The batches in the order of the examples, for evaluation.
  public func batchesInOrder(lengths: [Int]) -> [[Int]] {
    cut(Array(lengths.indices), into: size, lengths: lengths)
  }

  /// The plan whose batches are `factor` times as large.
  public func scaled(by factor: Int) -> BatchPlan {
    BatchPlan(size: size.scaled(by: factor), lengthWindow: lengthWindow)
  }

  /// The examples `batch` of a larger plan, cut in their order into batches of this plan's size.
  public func parts(of batch: [Int], lengths: [Int]) -> [[Int]] {
    cut(batch, into: size, lengths: lengths)
  }

  private func cut(_ order: [Int], into size: BatchSize, lengths: [Int]) -> [[Int]] {
    var batches: [[Int]] = []
    var batch: [Int] = []
    var tokens = 0
    for index in order {
      let isFull =
        switch size {
        case .examples(let limit): batch.count == limit
        case .tokens(let limit): !batch.isEmpty && tokens + lengths[index] > limit
        }
      if isFull {
        batches.append(batch)
        batch = []
        tokens = 0
      }
      batch.append(index)
      tokens += lengths[index]
    }
    if !batch.isEmpty { batches.append(batch) }
    return batches
  }
}

extension BatchPlan {
  /// The plan that divides batches of this one into `count` parts, none of which is larger than a
  /// batch of `limit`.
  package func divided(into count: Int, withinBatchesOf limit: BatchPlan) -> BatchPlan {
    BatchPlan(size: size.with(min(limit.size.count, 1 + (size.count - 1) / count)))
  }

  /// The number of batches of `part`, whose size is in the same unit, in a batch of this plan.
  package func count(of part: BatchPlan) -> Int { 1 + (size.count - 1) / part.size.count }
}

extension BatchSize {
  fileprivate var count: Int {
    switch self {
    case .examples(let count), .tokens(let count): count
    }
  }

  /// Another size in the same unit.
  fileprivate func with(_ count: Int) -> BatchSize {
    switch self {
    case .examples: .examples(count)
    case .tokens: .tokens(count)
    }
  }

  /// The size of `factor` batches together, without overflow.
  fileprivate func scaled(by factor: Int) -> BatchSize {
    func scaled(_ count: Int) -> Int {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      return overflow ? .max : product
    }
    return switch self {
    case .examples(let count): .examples(scaled(count))
    case .tokens(let count): .tokens(scaled(count))
    }
  }
}
