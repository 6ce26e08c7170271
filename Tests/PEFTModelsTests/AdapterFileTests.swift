import Foundation
import PEFTModels
import PEFTTensor
import Testing

@Suite("Files of additions")
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

  @Test("an output layer and a word table of their own, one matrix in the model, are refused")
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
