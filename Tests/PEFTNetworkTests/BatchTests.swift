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

  @Test("a temperature divides the logits of cross entropies, and their gradients reach the input")
  func temperature() throws {
    let x = Parameter(name: "x", value: Tensor([0.5, -1, 2, 3, 0.25, -2], shape: [3, 2]))
    let table = Parameter(
      name: "table", value: Tensor([1, -1, 0.5, 2, -3, 1], shape: [3, 2]), isTrainable: false)
    let bias = Parameter(name: "bias", value: Tensor([0.5, -2, 1], shape: [3]), isTrainable: false)
    let rows = RowPartition(examples: 3)
    func results(
      _ targets: Targets, mapsFirst: Bool, temperature: Double
    ) throws -> (loss: Loss, gradient: Tensor) {
      let (tape, gradients) = (Tape(), GradientAccumulator())
      let hidden = tape.embeddingSum([(x, [0, 1, 2])], partition: rows)
      let outputs = mapsFirst ? tape.linear(hidden, weight: table, bias: bias) : hidden
      let loss = tape.loss(
        outputs, targets: targets, vocabulary: VocabularyMap(table: table, bias: bias),
        temperature: temperature)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
      return (loss, try #require(gradients[x]))
    }
    let classes = try results(.classes([0, 2, 1]), mapsFirst: true, temperature: 4)
    let tokens = try results(.tokens([[0], [2], [1]]), mapsFirst: false, temperature: 4)
    #expect(abs(classes.loss.mean - tokens.loss.mean) < 1e-6)
    #expect(classes.gradient.relativeError(to: tokens.gradient) < 1e-6)
    let sets = try results(.labelSets([[0], [], [1, 2]]), mapsFirst: true, temperature: 4)
    // By hand: logits / 4 of the first and of all rows.
    for (row, label) in [0, 2, 1].enumerated() {
      let logits = (0..<3).map { output in
        Double(
          x.value[row, 0] * table.value[output, 0] + x.value[row, 1] * table.value[output, 1]
            + bias.value.elements[output]) / 4
      }
      let wanted = log(logits.reduce(0) { $0 + exp($1) }) - logits[label]
      #expect(abs(classes.loss.terms[row] - wanted) < 1e-6)
      let labels = [[0], [], [1, 2]][row]
      let binary = (0..<3).reduce(0) {
        $0 + log1p(exp(labels.contains($1) ? -logits[$1] : logits[$1])) / 3
      }
      #expect(abs(sets.loss.terms[row] - binary) < 1e-6)
    }
    let values = Tape().loss(
      Variable(constant: Tensor([1, 4], shape: [2, 1]), partition: RowPartition(examples: 2)),
      targets: .values([3, 1]), temperature: 4)
    #expect(values.mean == 6.5)
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
