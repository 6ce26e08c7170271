import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Adapters as peft saves them, with its logits")
struct AdaptedModelTests {
  private static let bert = [
    "bias-all", "bias-only", "bias-all-headless", "dora-bias-all", "headless",
    "feature-extraction", "ia3-headless", "backbone", "patterns", "other-patterns",
  ].map { ("adapted-bert", $0) }
  private static let roberta = ["bias-all", "bias-all-headless"].map { ("adapted-roberta", $0) }
  private static let causal = ["bias-all", "headless", "backbone"].map { ("adapted-gpt2", $0) }

  private func model(_ fixture: ParityFixture) throws -> TransformerModel {
    try fixture.model(pooling: ModelConfiguration(directory: fixture.directory).usualPooling)
  }

  @Test("logits with and without the adapter, and merged", arguments: bert + roberta + causal)
  func logits(base: String, name: String) throws {
    let fixture = try ParityFixture(base)
    let model = try model(fixture)
    func error(_ name: String) throws -> Double {
      let logits = model.logits(fixture.batch, on: Tape()).value
      return logits.relativeError(to: try fixture.tensor(name))
    }
    #expect(try error("logits") < ParityTests.tolerance)
    try AdapterFile.attach(fixture.directory + "/adapters/" + name, to: model)
    #expect(try error(name) < ParityTests.tolerance)
    #expect(try error("logits") > 1e-3)
    model.mergeAdapters()
    #expect(try error(name) < ParityTests.tolerance)
  }

  /// Calls `body` with a copy of an adapter.
  private func withCopy(_ name: String, _ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-adapter-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let fixture = try ParityFixture("adapted-bert")
    try FileManager.default.copyItem(
      atPath: fixture.directory + "/adapters/" + name, toPath: path)
    try body(path)
  }

  @Test(
    "a pattern that is no regular expression, and a value that is no number, are refused",
    arguments: [
      (#"{"(query":9}"#, #""(query" is not a regular expression"#),
      (#"{"[a":9}"#, #""[a" is not a regular expression"#),
      (#"{"query":"9"}"#, #"the value of "query" is not a number"#),
      ("[9]", "it is not a JSON object"),
    ])
  func patterns(pattern: String, message: String) throws {
    try withCopy("headless") { path in
      let file = path + "/adapter_config.json"
      var object = try #require(try JSONValue(contentsOf: file).object)
      object["alpha_pattern"] = try JSONValue(parsing: pattern.utf8)
      try JSONValue.object(object).text().write(toFile: file, atomically: true, encoding: .utf8)
      #expect {
        try AdapterFile(path)
      } throws: {
        "\($0)".contains(message) && "\($0)".contains("adapter_config.json: alpha_pattern")
      }
    }
  }

  @Test("buffers and what an unused pooler has are left out, and other strangers are refused")
  func strangers() throws {
    let fixture = try ParityFixture("adapted-gpt2")
    let source = try SafetensorsReader(
      path: fixture.directory + "/adapters/bias-all/adapter_model.safetensors")
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-adapter-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (stranger, isRefused) in [
      ("transformer.h.0.attn.bias", false), ("transformer.h.0.attn.masked_bias", false),
      ("score.original_module.weight", false), ("transformer.h.0.attn.c_new.bias", true),
      ("transformer.h.9.attn.c_attn.bias", true), ("qa_outputs.bias", true),
    ] {
      let tensors = try source.tensorNames.map { name in
        SafetensorsOutput(
          name: name, shape: source.entry(name)?.shape ?? [], floats: try source.floats(of: name))
      }
      try SafetensorsWriter.write(
        tensors + [
          SafetensorsOutput(name: "base_model.model." + stranger, shape: [1], floats: [.nan])
        ], to: path)
      let result = Result { try AdapterFile.attach(path, to: model(fixture), alpha: 3) }
      #expect(((try? result.get()) == nil) == isRefused, "\(stranger)")
    }
  }
}
