import Foundation
import PEFTModels
import PEFTTensor
import TestSupport
import Testing

/// Runs a model of the Llama family through the binary.
@Suite("Commands on a Llama")
struct LlamaCommandTests {
  private let directory: TemporaryDirectory
  private let text: String

  init() throws {
    directory = try TemporaryDirectory()
    let line = "The cat sat on the mat, and the dog lay on the log.\n"
    text = try directory.write(String(repeating: line, count: 40), to: "text.txt")
  }

  private func model(tiesOutput: Bool) throws -> String {
    let path = directory.path(tiesOutput ? "tied" : "untied")
    try SmallLlama.write(
      to: path, texts: [String(contentsOfFile: text, encoding: .utf8)], tiesOutput: tiesOutput)
    return path
  }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(arguments): \(result.errors)")
    return result
  }

  @Test("inspect counts every parameter once, and shows tied tables", arguments: [true, false])
  func inspect(tiesOutput: Bool) throws {
    let model = try model(tiesOutput: tiesOutput)
    let found = try run(["inspect", model, "--method", "norm", "--json"]).document
    #expect(found["architecture"]?.string == "llama")
    let tableElements = 300 * 32 * (tiesOutput ? 1 : 2)
    let layer = 2 * 32 + 32 * 32 * 2 + 2 * 16 * 32 + 3 * 48 * 32
    #expect(found["parameters"]?.integer == tableElements + 2 * layer + 32)
    #expect(
      found["tied"]?["lm_head.weight"]?.string == (tiesOutput ? "model.embed_tokens.weight" : nil))
    #expect(found["trainable"]?.integer == 5 * 32)
    let lora = try run(["inspect", model, "--method", "lora", "--json"]).document
    // Rank 8 on queries and values.
    #expect(lora["trainable"]?.integer == 2 * 8 * (32 + 32 + 32 + 16))
    let names = found["groups"]?.array?.compactMap { $0["name"]?.string } ?? []
    let layers = [0, 1].flatMap { layer in
      ["norm", "attention", "feedForward"].map { "layer.\(layer).\($0)" }
    }
    let tables = ["embeddings.embedding"] + (tiesOutput ? [] : ["output.embedding"])
    #expect(Set(names) == Set(layers + tables + ["end.norm"]))
  }

  @Test(
    "train, generate, and every export format",
    arguments: [("lora", true), ("lora", false), ("full", false), ("norm", true)])
  func language(method: String, tiesOutput: Bool) throws {
    let model = try model(tiesOutput: tiesOutput)
    let before = try run(["evaluate", model, "--data", text, "--json"]).document
    let output = directory.path("run")
    let trained = try run([
      "train", "--model", model, "--train", text, "--dev", text, "--method", method,
      "--learning-rate", "2e-2", "--steps", "60", "--batch-size", "4", "--output", output, "--json",
    ]).document
    func perplexity(_ value: JSONValue?) -> Double { value?["perplexity"]?.double ?? .nan }
    let reached = perplexity(trained["metrics"]?["dev"])
    #expect(reached < 0.95 * perplexity(before["metrics"]), "\(reached)")
    let written = try run(["generate", output, "--prompt", "The cat sat", "--max-new-tokens", "12"])
    #expect(!written.output.isEmpty)
    for form in ["merged", "delta", "peft"] {
      let exported = directory.path(form)
      let result = try run(["export", output, "--format", form, "--output", exported, "--json"])
      #expect(try result.document["largestDifference"]?.double ?? .infinity < 1e-4, "\(form)")
    }
    let config = try JSONValue(contentsOf: directory.path("merged") + "/config.json")
    #expect(config["architectures"]?.array == [.string("LlamaForCausalLM")])
    let adapter = try JSONValue(contentsOf: directory.path("peft") + "/adapter_config.json")
    #expect(adapter["fan_in_fan_out"]?.bool == false)
    let again = try run(["evaluate", directory.path("merged"), "--data", text, "--json"]).document
    #expect(abs(perplexity(again["metrics"]) - reached) < 1e-3 * reached)
    let merged = try run([
      "generate", directory.path("merged"), "--prompt", "The cat sat", "--max-new-tokens", "12",
    ])
    #expect(merged.output == written.output)
  }

  @Test(
    "Mistral and Qwen are trained and exported as models of their own classes",
    arguments: [
      ("mistral", "lora", "Mistral"), ("qwen2", "bitfit", "Qwen2"), ("qwen3", "norm", "Qwen3"),
      ("qwen3", "ia3", "Qwen3"),
    ])
  func relatives(type: String, method: String, name: String) throws {
    let model = directory.path(type)
    let family = try #require(LlamaConfiguration.Family(rawValue: type))
    try SmallLlama.write(
      to: model, texts: [String(contentsOfFile: text, encoding: .utf8)], family: family,
      tiesOutput: true)
    let (output, merged) = (directory.path("run"), directory.path("merged"))
    let trained = try run([
      "train", "--model", model, "--train", text, "--method", method, "--learning-rate", "2e-2",
      "--steps", "6", "--batch-size", "4", "--output", output, "--json",
    ]).document
    let counts = [
      "lora": 2 * 8 * (32 + 32 + 32 + 16), "bitfit": 2 * (32 + 16 + 16),
      "norm": 5 * 32 + 4 * 8, "ia3": 2 * (32 + 16 + 48),
    ]
    #expect(trained["trainable"]?.integer == counts[method])
    let result = try run(["export", output, "--format", "merged", "--output", merged, "--json"])
    #expect(try result.document["largestDifference"]?.double ?? .infinity < 1e-4)
    let config = try JSONValue(contentsOf: merged + "/config.json")
    #expect(config["architectures"]?.array == [.string(name + "ForCausalLM")])
    let texts = try [output, merged].map {
      try run(["generate", $0, "--prompt", "The cat sat", "--max-new-tokens", "12"]).output
    }
    #expect(texts[0] == texts[1] && !texts[0].isEmpty)
  }

  @Test("a classifier learns, is exported as transformers' class, and predicts as the run does")
  func classifier() throws {
    let model = try model(tiesOutput: false)
    let rows = (0..<64).map { index in
      index.isMultiple(of: 2)
        ? "the cat sat here \(index)\tcat\n" : "the dog lay there \(index)\tdog\n"
    }
    let data = try directory.write(rows.joined(), to: "rows.tsv")
    let output = directory.path("run")
    let trained = try run([
      "train", "--model", model, "--train", data, "--dev", data, "--method", "lora", "--steps",
      "80",
      "--learning-rate", "1e-2", "--batch-size", "8", "--output", output, "--json",
    ]).document
    #expect(trained["metrics"]?["dev"]?["accuracy"]?.double ?? 0 > 0.95)
    let merged = directory.path("merged")
    _ = try run(["export", output, "--format", "merged", "--output", merged])
    let config = try JSONValue(contentsOf: merged + "/config.json")
    #expect(config["architectures"]?.array == [.string("LlamaForSequenceClassification")])
    // The tokenizer's tokens leave rows of the table free.
    let count = try #require(try JSONValue(contentsOf: model + "/vocab.json").object).count
    #expect(count < 300 && config["pad_token_id"]?.integer == count)
    #expect(config["vocab_size"]?.integer == 300)
    func logits(_ path: String) throws -> [Double] {
      try run(["predict", path, "--data", data]).output.split(separator: "\n").flatMap {
        try JSONValue(parsing: $0.utf8)["logits"]?.array?.compactMap(\.double) ?? []
      }
    }
    let (mine, theirs) = (try logits(output), try logits(merged))
    #expect(mine.count == 128 && mine.contains { abs($0) > 0.1 })
    for (one, other) in zip(mine, theirs) { #expect(abs(one - other) < 1e-4) }
  }

  /// Leaves `rows` rows of a model's word table.
  private func shorten(_ model: String, toRows rows: Int) throws {
    let file = try SafetensorsReader(path: model + "/model.safetensors")
    let tensors = try file.tensorNames.map { name in
      var shape = file.entry(name)?.shape ?? []
      if name == "model.embed_tokens.weight" { shape[0] = rows }
      return SafetensorsOutput(
        name: name, shape: shape,
        floats: Array(try file.floats(of: name).prefix(shape.reduce(1, *))))
    }
    try SafetensorsWriter.write(tensors, to: file.path)
    var config = try #require(try JSONValue(contentsOf: model + "/config.json").object)
    config["vocab_size"] = .integer(rows)
    try JSONValue.object(config).text().write(
      toFile: model + "/config.json", atomically: true, encoding: .utf8)
  }

  @Test(
    "an exported classifier is padded with a token of its own, in the tokenizer and the weights",
    arguments: [true, false])
  func padding(hasTokenizerFile: Bool) throws {
    let model = try model(tiesOutput: true)
    let count = try #require(try JSONValue(contentsOf: model + "/vocab.json").object).count
    try shorten(model, toRows: count)
    if !hasTokenizerFile {
      try FileManager.default.removeItem(atPath: model + "/tokenizer.json")
      // The settings of another padding are replaced.
      try #"{"pad_token":"<|endoftext|>","padding_side":"left"}"#.write(
        toFile: model + "/tokenizer_config.json", atomically: true, encoding: .utf8)
    }
    let rows = ["the cat<|endoftext|>\tcat\n", "<|endoftext|>the dog\tdog\n", "the cat\tcat\n"]
    let data = try directory.write(rows.joined(), to: "rows.tsv")
    func logits(_ path: String) throws -> [Double] {
      try run(["predict", path, "--data", data]).output.split(separator: "\n").flatMap {
        try JSONValue(parsing: $0.utf8)["logits"]?.array?.compactMap(\.double) ?? []
      }
    }
    func merged(_ base: String, _ name: String) throws -> String {
      let (output, merged) = (directory.path(name), directory.path(name + "-merged"))
      _ = try run([
        "train", "--model", base, "--train", data, "--method", "head", "--steps", "2",
        "--learning-rate", "0.1", "--output", output,
      ])
      _ = try run(["export", output, "--format", "merged", "--output", merged])
      let (mine, theirs) = (try logits(output), try logits(merged))
      #expect(mine.count == 6 && zip(mine, theirs).allSatisfy { abs($0 - $1) < 1e-5 })
      return merged
    }
    let first = try merged(model, "first")
    // The token is there already in what is made of an export.
    for path in [first, try merged(first, "second")] {
      let config = try JSONValue(contentsOf: path + "/config.json")
      #expect(
        config["pad_token_id"]?.integer == count && config["vocab_size"]?.integer == count + 1)
      let weights = try SafetensorsReader(path: path + "/model.safetensors")
      #expect(weights.entry("model.embed_tokens.weight")?.shape == [count + 1, 32])
      #expect(
        try weights.floats(of: "model.embed_tokens.weight").suffix(32).allSatisfy { $0 == 0 })
      let settings = try JSONValue(contentsOf: path + "/tokenizer_config.json")
      #expect(settings["pad_token"]?.string == "<|peft_pad|>")
      #expect(settings["padding_side"]?.string == "right")
      if hasTokenizerFile {
        let added = try JSONValue(contentsOf: path + "/tokenizer.json")["added_tokens"]?.array
        let last = try #require(added?.last)
        #expect(last["id"]?.integer == count && last["content"]?.string == "<|peft_pad|>")
        #expect(added?.count { $0["content"] == last["content"] } == 1)
      } else {
        let vocabulary = try JSONValue(contentsOf: path + "/vocab.json")
        #expect(vocabulary["<|peft_pad|>"]?.integer == count)
      }
    }
  }

  @Test(
    "the main job compares its selection with possible baselines: a Llama has no biases and no head"
  )
  func adapt() throws {
    let model = try model(tiesOutput: true)
    let output = directory.path("adapt")
    let adapted = try run([
      "adapt", "--model", model, "--train", text, "--dev", text, "--budget", "10%", "--steps", "4",
      "--direction-batches", "2", "--probe-batches", "2", "--batch-size", "4", "--output", output,
      "--json",
    ]).document
    let methods = adapted["comparison"]?["methods"]?.array ?? []
    #expect(methods.count == 2 && !methods.contains { $0["name"]?.string == "bitfit" })
    let refused = try PEFTProcess.run(
      "train", "--learning-rate", "1e-3", "--model", model, "--train", text, "--method", "bitfit",
      "--steps", "1", "--output",
      directory.path("refused"))
    #expect(refused.status == 2 && refused.errors.contains("bitfit"), "\(refused.errors)")
  }
}
