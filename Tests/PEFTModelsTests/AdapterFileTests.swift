import Foundation
import PEFTModels
import PEFTTensor
import Testing

@Suite("Adapter files")
struct AdapterFileTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "peft-adapter-\(UUID().uuidString)").path

  private func model() -> TransformerModel {
    TransformerModel(
      configuration: .gpt2(
        GPT2Configuration(
          vocabularySize: 9, hiddenSize: 8, layerCount: 1, headCount: 2, positionCount: 4)),
      output: .vocabulary)
  }

  @Test("two matrices for an output layer that the model ties to its word table are refused")
  func untied() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = model()
    func attach(output: Float?, table: Float?) throws {
      let tensors = [("lm_head.weight", output), ("transformer.wte.weight", table)]
      try SafetensorsWriter.write(
        tensors.compactMap { name, value in
          value.map {
            SafetensorsOutput(
              name: "base_model.model." + name, shape: [9, 8],
              floats: Array(repeating: $0, count: 72))
          }
        }, to: path)
      try AdapterFile.attach(path, to: model, alpha: 1)
    }
    let untied: [(Float?, Float?)] = [(1, nil), (nil, 1), (1, 2)]
    for (output, table) in untied {
      #expect {
        try attach(output: output, table: table)
      } throws: { error in (error as? FileError)?.kind == .unsupported }
    }
    try attach(output: 3, table: 3)
    let table = model.parameters.first { $0.parameter.name == "transformer.wte.weight" }
    #expect(table?.parameter.value.elements.allSatisfy { $0 == 3 } == true)
  }

  @Test("an untied output layer is read, and the word table is unchanged")
  func ownOutput() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = TransformerModel(
      configuration: .llama(
        LlamaConfiguration(
          vocabularySize: 9, hiddenSize: 8, layerCount: 1, headCount: 2, keyValueHeadCount: 1,
          intermediateSize: 12, positionCount: 4)),
      output: .vocabulary)
    func floats(_ count: Int, _ value: Float) -> [Float] { Array(repeating: value, count: count) }
    try SafetensorsWriter.write(
      [
        ("lm_head.weight", [9, 8], 3),
        ("model.layers.0.self_attn.k_proj.lora_A.weight", [2, 8], 1),
        ("model.layers.0.self_attn.k_proj.lora_B.weight", [4, 2], 0.5),
      ].map { name, shape, value in
        SafetensorsOutput(
          name: "base_model.model." + name, shape: shape,
          floats: floats(shape.reduce(1, *), value))
      }, to: path)
    try AdapterFile.attach(path, to: model, alpha: 4)
    #expect(model.vocabulary?.table.value.elements == floats(72, 3))
    let table = model.parameters.first { $0.parameter.name == "model.embed_tokens.weight" }
    #expect(table?.parameter.value.elements == floats(72, 0))
    model.mergeAdapters()
    let key = model.backboneLinearLayers.first { $0.name.hasSuffix("k_proj") }
    // s · B A = 2 · (0.5 + 0.5).
    #expect(key?.weight.value.elements == floats(32, 2))
  }

  @Test(
    "the method of PEFT's adapter has its layers and settings",
    arguments: [
      ("bert-lora", "lora", "rank", JSONValue.integer(4)),
      ("bert-dora", "dora", "alpha", .number(8)),
      (
        "bert-ia3", "ia3", "feedforward",
        .array(
          [
            "bert.encoder.layer.0.attention.output.dense", "bert.encoder.layer.0.output.dense",
            "bert.encoder.layer.1.attention.output.dense", "bert.encoder.layer.1.output.dense",
          ].map { .string($0) })
      ),
    ])
  func methods(folder: String, name: String, setting: String, value: JSONValue) throws {
    let fixture = try ParityFixture(folder)
    let model = try fixture.model()
    let file = try AdapterFile(fixture.directory + "/adapter")
    let method = try file.method(for: model)
    #expect(method.name == name && method.settings[setting] == value)
    // Convert the method to JSON and back, as runs store it.
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: method)))
    #expect(catalogue.json(of: again) == catalogue.json(of: method))
    again.attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)
    #expect(try file.load(into: model))
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)
  }

  @Test(
    "a vector of the wrong length, and DoRA without its magnitudes, are refused",
    arguments: [
      ("bert-ia3", "layer.0.attention.self.key.ia3_l"),
      ("bert-dora", "layer.1.attention.self.query.lora_magnitude_vector"),
    ])
  func unfit(folder: String, tensor: String) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let fixture = try ParityFixture(folder)
    try FileManager.default.copyItem(atPath: fixture.directory + "/adapter", toPath: path)
    let file = path + "/adapter_model.safetensors"
    let reader = try SafetensorsReader(path: file)
    let name = "base_model.model.bert.encoder." + tensor
    try SafetensorsWriter.write(
      reader.tensorNames.compactMap { other -> SafetensorsOutput? in
        let shape = try #require(reader.entry(other)).shape
        guard other == name else {
          return SafetensorsOutput(name: other, shape: shape, floats: try reader.floats(of: other))
        }
        // The vector loses an element; the magnitudes are removed.
        return folder == "bert-dora"
          ? nil
          : SafetensorsOutput(
            name: other, shape: [shape[0] - 1, 1],
            floats: Array(try reader.floats(of: other).dropLast()))
      }, to: file)
    let model = try fixture.model()
    #expect {
      try AdapterFile.attach(path, to: model)
    } throws: { error in
      (error as? FileError)?.kind == .malformed
    }
    #expect(model.backboneLinearLayers.allSatisfy { $0.adapter == nil })
  }

  @Test(
    "empty tensors whose extents overflow are refused",
    arguments: [
      (
        #"{"peft_type":"C3A"}"#,
        [("transformer.h.0.attn.c_attn.c3a_kernel", [1 << 32, 0, 1 << 32])]
      ),
      (
        #"{"peft_type":"RANDLORA","randlora_alpha":1}"#,
        [
          ("randlora_A", [Int.max, 1, 0]), ("randlora_B", [0, 0, Int.max]),
          ("transformer.h.0.attn.c_attn.randlora_lambda", [0, 0]),
        ]
      ),
    ])
  func overflowingFormats(
    configuration: String, tensors: [(name: String, shape: [Int])]
  ) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try configuration.write(
      toFile: path + "/adapter_config.json", atomically: true, encoding: .utf8)
    try SafetensorsWriter.write(
      tensors.map {
        SafetensorsOutput(name: "base_model.model." + $0.name, shape: $0.shape, floats: [])
      }, to: path + "/adapter_model.safetensors")
    #expect(throws: FileError.self) { try AdapterFile.attach(path, to: model()) }
    #expect(throws: FileError.self) { try AdapterFile(path).method(for: model(), drawn: []) }
  }

  @Test("factors whose extents overflow are refused")
  func overflowing() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try SafetensorsWriter.write(
      [("lora_A", [1 << 61, 0]), ("lora_B", [24, 0])].map { name, shape in
        SafetensorsOutput(
          name: "transformer.h.0.attn.c_attn.\(name).weight", shape: shape, floats: [], as: .float16
        )
      }, to: path)
    #expect(throws: FileError.self) { try AdapterFile.attach(path, to: model(), alpha: 1) }
  }
}
