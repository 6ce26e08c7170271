import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTTensor
import Testing

/// Adapters of Hugging Face PEFT on base models with and without a head.
@Suite("Opening adapters")
final class AdapterOpeningTests {
  private let base = FileManager.default.temporaryDirectory
    .appending(path: "peft-base-\(UUID().uuidString)").path

  /// The fixtures of `PEFTModelsTests`.
  private static let fixtures = URL(filePath: #filePath)
    .appending(path: "../../../PEFTModelsTests/Fixtures/parity").standardizedFileURL.path

  init() throws {
    try FileManager.default.copyItem(atPath: Self.fixtures + "/adapted-bert", toPath: base)
  }

  deinit { try? FileManager.default.removeItem(atPath: base) }

  private func adapter(_ name: String) -> String { base + "/adapters/" + name }

  /// Changes members of a JSON file.
  private func change(_ path: String, _ members: [String: JSONValue]) throws {
    var object = try #require(try JSONValue(contentsOf: path).object)
    for (key, value) in members { object[key] = value }
    try JSONValue.object(object).text().write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Rewrites the weights of the base without the tensors for which `isLost` holds.
  private func lose(_ isLost: (String) -> Bool) throws {
    let path = base + "/model.safetensors"
    let file = try SafetensorsReader(path: path)
    try SafetensorsWriter.write(
      file.tensorNames.filter { !isLost($0) }.map { name in
        SafetensorsOutput(
          name: name, shape: file.entry(name)?.shape ?? [], floats: try file.floats(of: name))
      }, to: path)
  }

  @Test(
    "the base's head is taken where the adapter has none",
    arguments: [
      ("headless", "null"), ("headless", "\"SEQ_CLS\""), ("feature-extraction", nil),
      ("bias-all-headless", nil), ("ia3-headless", nil), ("backbone", nil), ("bias-all", nil),
    ])
  func heads(name: String, task: String?) throws {
    if let task {
      try change(
        adapter(name) + "/adapter_config.json", ["task_type": JSONValue(parsing: task.utf8)])
    }
    let trained = try TrainedModel.open(adapter: adapter(name), base: base)
    #expect(trained.task is Classification)
    #expect(trained.task?.classes?.names == ["0", "1", "2"])
    let rows = try JSONValue(contentsOf: base + "/inputs.json")["sequences"]?.array ?? []
    let batch = PackedBatch(
      sequences: rows.map { $0.array?.compactMap(\.integer).map(Int32.init) ?? [] })
    let logits = trained.model.logits(batch, on: Tape()).value.elements
    let expected = try SafetensorsReader(path: base + "/expected.safetensors").floats(of: name)
    let largest = expected.map(abs).max() ?? 0
    #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-5 * largest })
  }

  @Test("a base of tokens lends its head, and the name of what is missing is right")
  func others() throws {
    let config = base + "/config.json"
    try change(config, ["architectures": .array([.string("BertForTokenClassification")])])
    let tokens = try TrainedModel.open(adapter: adapter("headless"), base: base)
    #expect(tokens.task is TokenClassification && tokens.model.output == .tokenClasses(3))
    try change(config, ["architectures": .array([.string("BertForSequenceClassification")])])
    try change(config, ["problem_type": .string("multi_label_classification")])
    let labels = try TrainedModel.open(adapter: adapter("headless"), base: base)
    #expect(labels.task is MultiLabelClassification)
    try change(config, ["problem_type": .string("regression")])
    #expect {
      try TrainedModel.open(adapter: adapter("headless"), base: base)
    } throws: { "\($0)".contains("problem_type") }
    try change(config, ["problem_type": .null])
    try lose { $0.hasPrefix("classifier.") }
    #expect {
      try TrainedModel.open(adapter: adapter("headless"), base: base)
    } throws: { "\($0)".contains("classifier.weight") && "\($0)".contains(base) }
    // Without a classifier, an adapter for feature extraction gives embeddings.
    let features = try TrainedModel.open(adapter: adapter("feature-extraction"), base: base)
    #expect(features.task is Similarity)
    // The adapter's own head needs none of the base.
    _ = try TrainedModel.open(adapter: adapter("bias-all"), base: base)
  }
}
