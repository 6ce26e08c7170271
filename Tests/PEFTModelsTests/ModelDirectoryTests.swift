import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Refused model directories")
struct ModelDirectoryTests {
  /// A copy of a fixture that a test may modify.
  private func copy(_ name: String) throws -> URL {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "peft-model-\(UUID().uuidString)")
    try FileManager.default.copyItem(
      at: URL(filePath: ParityFixture.root).appending(path: name), to: url)
    return url
  }

  private func load(_ url: URL, outputs: Int = 3) throws -> LoadReport {
    try TransformerModel.load(
      directory: url.path, output: .classes(outputs, pooling: .first),
      using: SeededGenerator(seed: 1, purpose: "test")
    ).report
  }

  @Test(
    "a configuration with an unsupported setting is refused by name",
    arguments: [
      ("\"model_type\": \"bert\"", "\"model_type\": \"t5\"", "t5"),
      ("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"", "mish"),
      ("\"hidden_size\": 24", "\"hidden_size\": 25", "heads"),
      ("\"hidden_size\": 24", "\"hidden_size\": -1", "hidden_size"),
      ("\"vocab_size\": 120", "\"vocab_size\": 99999999999", "vocab_size"),
      (
        "\"hidden_size\": 24", "\"position_embedding_type\": \"relative_key\", \"hidden_size\": 24",
        "relative_key"
      ),
      ("\"is_decoder\": false", "\"is_decoder\": true", "is_decoder"),
      ("\"vocab_size\": 120", "\"vocab_size\": 121", "word_embeddings"),
      ("\"vocab_size\": 120", "\"vocab_size\": 16777216", "parameters, and the checkpoint"),
      ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 16777216", "layers"),
      ("{", "", "config.json"),
    ])
  func configuration(old: String, new: String, message: String) throws {
    let url = try copy("bert")
    defer { try? FileManager.default.removeItem(at: url) }
    let file = url.appending(path: "config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacing(old, with: new, maxReplacements: 1)
    try #require(changed != text)
    try Data(changed.utf8).write(to: file)
    #expect {
      try load(url)
    } throws: { error in
      let description = "\(error)"
      return error is FileError && description.contains(message)
    }
  }

  @Test("a tokenizer with more tokens than the model's table has rows")
  func largerTokenizer() throws {
    let url = try copy("bert")
    defer { try? FileManager.default.removeItem(at: url) }
    let configuration = try ModelConfiguration(directory: url.path)
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for (count, isRefused) in [
      (configuration.vocabularySize, false), (configuration.vocabularySize + 1, true),
    ] {
      let tokens = special + (special.count..<count).map { "t\($0)" }
      try Data((tokens.joined(separator: "\n") + "\n").utf8).write(
        to: url.appending(path: "vocab.txt"))
      let tokenizer = Result { try configuration.tokenizer(directory: url.path) }
      #expect(isRefused == ((try? tokenizer.get()) == nil))
    }
  }

  @Test("a missing, a misshapen, an unknown and a non-finite tensor")
  func tensors() throws {
    let url = try copy("bert")
    defer { try? FileManager.default.removeItem(at: url) }
    let path = url.appending(path: "model.safetensors").path
    let file = try SafetensorsReader(path: path)
    let norm = "bert.embeddings.LayerNorm.weight"
    func rewrite(
      _ change: (String, [Int], [Float]) -> (String, [Int], [Float])?
    ) throws {
      let tensors = try file.tensorNames.compactMap { name in
        let shape = file.entry(name)?.shape ?? []
        return change(name, shape, try file.floats(of: name)).map {
          SafetensorsOutput(name: $0.0, shape: $0.1, floats: $0.2)
        }
      }
      try SafetensorsWriter.write(tensors, to: path)
    }
    func refused(_ message: String) {
      #expect {
        try load(url)
      } throws: { error in
        let description = "\(error)"
        return error is FileError && description.contains(message)
          && description.contains(norm)
      }
    }
    try rewrite { $0 == norm ? nil : ($0, $1, $2) }
    refused("does not have it")
    try rewrite { $0 == norm ? ($0, [12], Array($2[..<12])) : ($0, $1, $2) }
    refused("shape")
    try rewrite { $0 == norm ? ($0, $1, $2.map { _ in .nan }) : ($0, $1, $2) }
    refused("not finite")
    try rewrite { $0 == norm ? ($0 + ".more", $1, $2) : ($0, $1, $2) }
    refused("does not have it")
    try rewrite { ($0.replacing("LayerNorm.weight", with: "LayerNorm.gamma"), $1, $2) }
    #expect(try load(url).newlyInitialized.isEmpty)
    try rewrite { ($0, $1, $2) }
    #expect(try load(url, outputs: 5).newlyInitialized == ["classifier.weight", "classifier.bias"])
  }

  /// `bytes` zeros as a tensor.
  private func zeros(
    _ name: String, _ type: SafetensorsElementType, _ shape: [Int], bytes: Int
  ) -> SafetensorsOutput {
    SafetensorsOutput(name: name, type: type, shape: shape) { (sink) throws(FileError) in
      for _ in 0..<bytes {
        var zero: UInt8 = 0
        let sent = withUnsafeBytes(of: &zero) { bytes in
          Result { () throws(FileError) in try sink(bytes) }
        }
        try sent.get()
      }
    }
  }

  @Test(
    "heads of other tasks, scalars and types that are not read are left out, outside the backbone",
    arguments: [
      ("bert", ModelOutput.classes(3, pooling: .first), "bert.encoder.layer.0.new.weight"),
      ("bert-backbone", .classes(3, pooling: .first), "encoder.layer.2.output.dense.bias"),
      ("roberta-mlm", .vocabulary, "roberta.extra"),
      ("gpt2", .vocabulary, "transformer.h.0.attn.c_new.weight"),
      ("gpt2-bare", .vocabulary, "h.0.attn.c_new.weight"), ("llama", .vocabulary, "model.extra"),
      ("llama-scaled", .vocabulary, "layers.0.self_attn.q_norm.weight"),
    ])
  func strangers(name: String, output: ModelOutput, inside: String) throws {
    let url = try copy(name)
    defer { try? FileManager.default.removeItem(at: url) }
    let path = url.appending(path: "model.safetensors").path
    let file = try SafetensorsReader(path: path)
    func load(with others: [SafetensorsOutput]) throws -> LoadReport {
      let tensors = try file.tensorNames.map { name in
        let bytes = try file.withBytes(of: name) { Array($0) }
        let entry = try #require(file.entry(name))
        return SafetensorsOutput(name: name, type: entry.type, shape: entry.shape) {
          (sink) throws(FileError) in
          let sent = bytes.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try sink(bytes) }
          }
          try sent.get()
        }
      }
      try SafetensorsWriter.write(tensors + others, to: path)
      return try TransformerModel.load(
        directory: url.path, output: output, using: SeededGenerator(seed: 1, purpose: "test")
      ).report
    }
    let before = try load(with: [])
    let others = [
      zeros("qa_outputs.weight", .float32, [2, 24], bytes: 192),
      zeros("logit_scale", .float32, [], bytes: 4),
      zeros("vision.h.0.attn.x", .float4, [6], bytes: 3),
      zeros("projection.weight", .complex64, [2], bytes: 16),
    ]
    let report = try load(with: others)
    #expect(Set(report.unused) == Set(before.unused + others.map(\.name)))
    #expect(report.newlyInitialized == before.newlyInitialized)
    #expect {
      try load(with: [zeros(inside, .float32, [1], bytes: 4)])
    } throws: { "\($0)".contains("tensor \(inside)") && "\($0)".contains("does not have") }
  }

  @Test("a tensor that is needed, of a type that is not read, is named")
  func unreadType() throws {
    let url = try copy("bert")
    defer { try? FileManager.default.removeItem(at: url) }
    let path = url.appending(path: "model.safetensors").path
    let file = try SafetensorsReader(path: path)
    let bias = "bert.encoder.layer.0.output.dense.bias"
    let tensors = try file.tensorNames.map { name in
      name == bias
        ? zeros(name, .float8E8M0, [24], bytes: 24)
        : SafetensorsOutput(
          name: name, shape: file.entry(name)?.shape ?? [], floats: try file.floats(of: name))
    }
    try SafetensorsWriter.write(tensors, to: path)
    #expect {
      try load(url)
    } throws: { "\($0)".contains(bias) && "\($0)".contains("F8_E8M0") }
  }

  @Test("pickled weights are never read; the message names the conversion")
  func pickle() throws {
    let url = try copy("bert")
    defer { try? FileManager.default.removeItem(at: url) }
    try FileManager.default.moveItem(
      at: url.appending(path: "model.safetensors"), to: url.appending(path: "pytorch_model.bin"))
    #expect {
      try load(url)
    } throws: { error in
      let description = "\(error)"
      return description.contains("pytorch_model.bin") && description.contains("convert it")
    }
  }
}
