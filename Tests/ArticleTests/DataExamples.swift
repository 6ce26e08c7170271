import PEFTData
import PEFTTensor
import PEFTText
import Testing

/// The examples of PEFTData's articles.
@Suite("Examples of PEFTData")
struct DataExamples {
  @Test("data files")
  func files() throws {
    let files = try ExampleFiles()
    let (modelDirectory, trainPath, devPath) = (
      files.modelDirectory, files.trainPath, files.devPath
    )
    let reader = TaskReader(
      isCausal: false, tokenizer: try Tokenizer.load(directory: modelDirectory), maximumLength: 32)
    let rows = try reader.rows(trainPath, kind: .auto)
    let task = try reader.task(of: rows, kind: .auto, windows: TextWindows(context: 32))
    let train = try task.encode(rows, by: reader)
    let dev = try task.encode(reader.rows(devPath, kind: .classification), by: reader)
    print(train.count, "examples,", train.truncatedCount, "truncated")
    #expect(train.count == 32 && dev.count == 16 && task is Classification)

    let plan = BatchPlan(size: .tokens(64))
    for indices in plan.batchesInOrder(lengths: train.lengths) {
      let masks = SeededGenerator(seed: 1, purpose: "masks")
      guard let batch = train.examples(indices, maskingWith: masks) else { continue }
      print(batch.texts.exampleCount, batch.texts.tokenCount)
    }
    #expect(plan.batchesInOrder(lengths: train.lengths).joined().count == train.count)
  }
}
