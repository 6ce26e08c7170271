import PEFTModels
import PEFTNetwork
import PEFTTensor
import TestSupport
import Testing

/// all-mpnet-base-v2, if its directory is among the shared data.
@Suite("A published MPNet", .enabled(if: SharedData.has("mpnet/model.safetensors")))
struct PublishedMPNetTests {
  private let directory = SharedData.path("mpnet")
  private let expected: JSONValue

  init() throws {
    expected = try JSONValue(parsing: FileContents.read(ParityFixture.root + "/mpnet.json"))
  }

  private func integers(_ value: JSONValue?) -> [Int] {
    value?.array?.compactMap(\.integer) ?? []
  }

  @Test("hidden states equal transformers'")
  func hidden() throws {
    let (model, report) = try TransformerModel.load(
      directory: directory, output: .classes(2, pooling: .mean),
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized == ["classifier.weight", "classifier.bias"])
    let unused = ["embeddings.position_ids", "pooler.dense.bias", "pooler.dense.weight"]
    #expect(report.unused == unused)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    #expect(model.parameterCount - head == 108_895_872)
    let (rows, columns) = (integers(expected["rows"]), integers(expected["columns"]))
    let theirs = (expected["hidden"]?.array ?? []).flatMap { row in
      (row.array ?? []).compactMap(\.double).map { Float($0) }
    }
    try #require(theirs.count == rows.count * columns.count && theirs.count == 240)
    model.frozen {
      let ids = integers(expected["ids"]).map { Int32($0) }
      let hidden = model.hidden(PackedBatch(sequences: [ids]), on: Tape()).value
      let mine = rows.flatMap { row in columns.map { hidden[row, $0] } }
      let shape: Shape = [rows.count, columns.count]
      let error = Tensor(mine, shape: shape).relativeError(to: Tensor(theirs, shape: shape))
      // The file has five decimals, and the numbers are about 0.1.
      #expect(error < 1e-4, "hidden states differ by \(error)")
    }
  }

  @Test("ids of texts and of a pair equal transformers'")
  func tokens() throws {
    let tokenizer = try ModelConfiguration(directory: directory).tokenizer(directory: directory)
    let texts = (expected["texts"]?.array ?? []).compactMap(\.string)
    let tokens = expected["tokens"]?.array ?? []
    try #require(texts.count == 7 && tokens.count == 7)
    for (text, ids) in zip(texts, tokens) {
      #expect(tokenizer.encode(text).ids == integers(ids).map { Int32($0) }, "\(text)")
    }
    let pair = tokenizer.encode(texts[1], pair: texts[3]).ids
    #expect(pair == integers(expected["pair"]).map { Int32($0) })
  }
}
