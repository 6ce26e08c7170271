import Foundation
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Batches and targets")
struct BatchTests {
  @Test("sequences are concatenated, and predicted positions become rows")
  func packing() {
    let batch = PackedBatch(
      sequences: [[5, 2, 7], [4], [9, 9]], typeIDs: [[0, 1, 1], [0], [0, 1]],
      predicted: [[0, 2], [], [1]])
    #expect(batch.ids == [5, 2, 7, 4, 9, 9] && batch.typeIDs == [0, 1, 1, 0, 0, 1])
    #expect(batch.exampleCount == 3 && batch.tokenCount == 6)
    #expect((0..<3).map { batch.partition[$0] } == [0..<3, 3..<4, 4..<6])
    #expect(batch.predictedRows == [0, 2, 5])
  }

  @Test("a loss is the mean over examples, or over predicted tokens")
  func means() {
    let rows = RowPartition(examples: 2)
    let values = Tape().loss(
      Variable(constant: Tensor([1, 4], shape: [2, 1]), partition: rows),
      targets: .values([3, 1]))
    #expect(values.mean == 6.5 && values.terms == [4, 9])

    // Three predicted tokens of two examples, with h = 1 and two tokens in the vocabulary.
    let table = Parameter(name: "table", value: Tensor([1, -1], shape: [2, 1]))
    let hidden: [Double] = [0.5, -1, 2]
    let targets = Targets.tokens([[0, 1], [0]])
    let tokens = Tape().loss(
      Variable(
        constant: Tensor(hidden.map { Float($0) }, shape: [3, 1]),
        partition: RowPartition(lengths: [2, 1])),
      targets: targets, vocabulary: VocabularyMap(table: table))
    let expected = zip(hidden, [1.0, -1, 1]).map { log1p(exp(-2 * $0 * $1)) }
    #expect(targets.count == 2 && targets.termCount == 3 && tokens.terms.count == 3)
    for (term, wanted) in zip(tokens.terms, expected) {
      // Float32 logits and a sum of two exponentials.
      #expect(abs(term - wanted) < 1e-6)
    }
    #expect(abs(tokens.mean - expected.reduce(0, +) / 3) < 1e-6)
  }

  @Test(
    "a member of a group is read back from its text",
    arguments: [
      ParameterGroup.Member.tensor("layer.0.weight"), .row("layer.0.weight", 17),
      .lowRank(weight: "layer.0.weight", rank: 8), .elements(weight: "layer.0.weight", count: 64),
      .elements(weight: "layer.0.weight", count: 4, positions: [0, 7, 1 << 30]),
    ])
  func members(_ member: ParameterGroup.Member) {
    #expect(ParameterGroup.Member(member.description) == member)
    for text in [
      "", "a[x]", "a[-1]", "lora:0@a", "lora:1025@a", "lora:8", "speft:0@a", "speft:8",
      "speft:2@a[]", "speft:2@a[1,]", "speft:2@a[1,1]", "speft:2@a[3,1]", "speft:2@a[-1,1]",
      "speft:2@a[1,2,3]", "speft:2@[1]", "speft:2@a[1",
    ] {
      #expect(ParameterGroup.Member(text) == nil, "\(text)")
    }
  }
}
