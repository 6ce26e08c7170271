import PEFTData
import TestSupport
import Testing

@Suite("Batches of an epoch")
struct BatchPlanTests {
  /// A permutation that is a function of the seed and of the number of previous calls.
  static func permutation(seed: UInt64) -> (Int) -> [Int] {
    var random = SeededRandom(seed)
    return { Array(0..<$0).shuffled(using: &random) }
  }

  @Test("divides in order by examples and by tokens")
  func cuts() {
    let lengths = [5, 4, 3, 9, 1, 1, 1]
    let byExamples = BatchPlan(size: .examples(3)).batchesInOrder(lengths: lengths)
    #expect(byExamples == [[0, 1, 2], [3, 4, 5], [6]])
    let byTokens = BatchPlan(size: .tokens(7)).batchesInOrder(lengths: lengths)
    #expect(byTokens == [[0], [1, 2], [3], [4, 5, 6]])
    #expect(BatchPlan(size: .tokens(.max)).batchesInOrder(lengths: lengths).count == 1)
    #expect(BatchPlan(size: .examples(2)).batchesInOrder(lengths: []).isEmpty)
  }

  @Test(
    "every index is in exactly one batch, no batch is too large, and the seed decides",
    arguments: [
      BatchPlan(size: .examples(1)), BatchPlan(size: .examples(8)), BatchPlan(size: .tokens(64)),
      BatchPlan(size: .examples(8), lengthWindow: 4), BatchPlan(size: .tokens(64), lengthWindow: 3),
      BatchPlan(size: .tokens(64), lengthWindow: .max),
    ])
  func coverage(plan: BatchPlan) {
    var random = SeededRandom(3)
    for count in [0, 1, 7, 8, 9, 64, 257] {
      let lengths = (0..<count).map { _ in Int.random(in: 1...80, using: &random) }
      let seed = UInt64(count)
      let batches = plan.batches(lengths: lengths, permutation: Self.permutation(seed: seed))
      #expect(batches.flatMap(\.self).sorted() == Array(0..<count))
      for batch in batches {
        switch plan.size {
        case .examples(let limit): #expect((1...limit).contains(batch.count))
        case .tokens(let limit):
          #expect(batch.count == 1 || batch.reduce(0) { $0 + lengths[$1] } <= limit)
        }
      }
      #expect(batches == plan.batches(lengths: lengths, permutation: Self.permutation(seed: seed)))
      if count > 60 {
        let other = plan.batches(lengths: lengths, permutation: Self.permutation(seed: 99))
        #expect(batches != other)
      }
    }
  }

  @Test("without grouping, the permutation is the order")
  func order() {
    let batches = BatchPlan(size: .examples(2)).batches(lengths: [1, 1, 1]) { _ in [2, 0, 1] }
    #expect(batches == [[2, 0], [1]])
  }

  @Test("grouping makes the lengths within a batch similar")
  func grouping() {
    var random = SeededRandom(8)
    let lengths = (0..<512).map { _ in Int.random(in: 1...80, using: &random) }
    func spread(_ plan: BatchPlan) -> Int {
      plan.batches(lengths: lengths, permutation: Self.permutation(seed: 1)).reduce(0) {
        let inBatch = $1.map { lengths[$0] }
        return $0 + (inBatch.max() ?? 0) - (inBatch.min() ?? 0)
      }
    }
    let grouped = spread(BatchPlan(size: .examples(16), lengthWindow: 8))
    #expect(grouped * 4 < spread(BatchPlan(size: .examples(16))))
  }
}
