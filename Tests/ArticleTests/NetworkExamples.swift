import PEFTNetwork
import PEFTTensor
import Testing

/// The examples of PEFTNetwork's articles.
@Suite("Examples of PEFTNetwork")
struct NetworkExamples {
  @Test("batches and losses")
  func batches() {
    let texts = PackedBatch(sequences: [[5, 2, 7], [4, 9]])
    let batch = Batch(texts: texts, targets: .classes([1, 0]))
    print(batch.texts.tokenCount, batch.targets.count)  // 5 2
    #expect(batch.texts.tokenCount == 5 && batch.targets.count == 2)

    let logits = Variable(
      constant: Tensor([0, 2, 1, -1], shape: [2, 2]), partition: RowPartition(examples: 2))
    let loss = Tape().loss(logits, targets: batch.targets)
    print(loss.mean)  // 0.1269…
    #expect(abs(loss.mean - 0.126928) < 1e-6)
  }
}
