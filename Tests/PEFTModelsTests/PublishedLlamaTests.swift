import PEFTModels
import PEFTNetwork
import PEFTTensor
import TestSupport
import Testing

/// SmolLM2-135M-Instruct, if its directory is among the shared data.
@Suite("A published Llama", .enabled(if: SharedData.has("smollm2/model.safetensors")))
struct PublishedLlamaTests {
  private let expected: JSONValue

  init() throws {
    expected = try JSONValue(parsing: FileContents.read(ParityFixture.root + "/smollm2.json"))
  }

  @Test("ids of texts equal transformers'")
  func texts() throws {
    let directory = SharedData.path("smollm2")
    let tokenizer = try ModelConfiguration(directory: directory).tokenizer(directory: directory)
    let texts = (expected["texts"]?.array ?? []).compactMap(\.string)
    let tokens = (expected["tokens"]?.array ?? []).map { row in
      (row.array ?? []).compactMap(\.integer).map { Int32($0) }
    }
    #expect(texts.count == 9 && texts.map { tokenizer.encode($0).ids } == tokens)
  }

  @Test("logits and a greedy text equal transformers'")
  func logits() throws {
    func integers(_ key: String) -> [Int] {
      expected[key]?.array?.compactMap(\.integer) ?? []
    }
    let ids = integers("ids").map { Int32($0) }
    let (model, report) = try TransformerModel.load(
      directory: SharedData.path("smollm2"), output: .vocabulary,
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized.isEmpty && report.unused.isEmpty)
    #expect(model.parameterCount == 134_515_008)
    let (rows, columns) = (integers("rows"), integers("columns"))
    let theirs = (expected["logits"]?.array ?? []).flatMap { row in
      (row.array ?? []).compactMap(\.double).map { Float($0) }
    }
    try #require(theirs.count == rows.count * columns.count && theirs.count == 240)
    try model.frozen {
      let logits = model.logits(PackedBatch(sequences: [ids], predicted: [rows]), on: Tape()).value
      let mine = rows.indices.flatMap { row in columns.map { logits[row, $0] } }
      let shape: Shape = [rows.count, columns.count]
      let error = Tensor(mine, shape: shape).relativeError(to: Tensor(theirs, shape: shape))
      // The file has five decimals.
      #expect(error < ParityTests.tolerance, "logits differ by \(error)")
      var settings = GenerationSettings()
      settings.maximumNewTokens = 24
      let written = try model.generate([Array(ids.prefix(20))], settings: settings, end: nil)
      #expect(written == [integers("written").map { Int32($0) }])
    }
  }
}
