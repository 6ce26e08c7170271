import Foundation
import PEFTTensor
import Testing

/// Training on pairs, embedding and exporting, by the command.
@Suite("Embeddings by the command")
struct EmbedCommandTests {
  private let place: Workplace
  private let pairs: String

  init() throws {
    place = try Workplace(hiddenSize: 32, layerCount: 1)
    let words = ["red", "green", "blue", "one", "two", "three"]
    let rows = (0..<24).map { index in
      "{\"anchor\": \"\(words[index % 6]) good\", \"positive\": \"\(words[index % 6]) bad\"}\n"
    }
    pairs = try place.directory.write(rows.joined(), to: "pairs.jsonl")
  }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func embeddings(_ arguments: [String]) throws -> [[Double]] {
    try run(["embed"] + arguments).output.split(separator: "\n").map {
      try JSONValue(parsing: $0.utf8)["embedding"]?.array?.compactMap(\.double) ?? []
    }
  }

  private func distance(_ x: [[Double]], _ y: [[Double]]) -> Double {
    guard x.map(\.count) == y.map(\.count), !x.isEmpty else { return .infinity }
    return zip(x.joined(), y.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  @Test("a run on pairs embeds, predicts and exports the same embeddings")
  func whole() throws {
    let output = place.directory.path("run")
    let trained = try run([
      "train", "--model", place.model, "--train", pairs, "--dev", pairs, "--task", "retrieval",
      "--method", "lora", "--rank", "4", "--steps", "12", "--batch-size", "6", "--learning-rate",
      "3e-3",
      "--output", output,
    ])
    let line = try #require(
      trained.errors.split(separator: "\n").first { $0.hasPrefix("trainable params: ") })
    let summary = try JSONValue(contentsOf: output + "/summary.json")
    let count = try #require(summary["trainable"]?.integer)
    #expect(count < 2000 && line.hasPrefix("trainable params: \(count) || all params: "))
    #expect(line.contains(" || trainable%: "))
    #expect(summary["metrics"]?["dev"]?["mrr"] == summary["metrics"]?["mrr"])
    #expect(summary["ending"]?.string == "finished")

    let texts = ["red good", "blue bad", "one"]
    let options = texts.flatMap { ["--text", $0] }
    let mine = try embeddings([output] + options)
    #expect(mine.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
    let predicted = try JSONValue(
      parsing: run(["predict", output, "--text", texts[0], "--pair", texts[1]]).output.utf8)
    let cosine = zip(mine[0], mine[1]).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(try #require(predicted["value"]?.double) - cosine) < 1e-5)

    let merged = place.directory.path("merged")
    _ = try run(["export", output, "--format", "merged", "--output", merged])
    #expect(distance(mine, try embeddings([merged] + options)) < 1e-5)
    let base = try embeddings([place.model] + options)
    #expect(distance(base, mine) > 0.01)
    let modules = try JSONValue(contentsOf: merged + "/modules.json").array
    #expect(
      modules?.compactMap { $0["path"]?.string } == ["", "1_Pooling", "2_Normalize"])
    let pooling = try JSONValue(contentsOf: merged + "/1_Pooling/config.json")
    #expect(pooling["pooling_mode_mean_tokens"] == .bool(true))
    #expect(pooling["word_embedding_dimension"] == .integer(32))
    let card = try String(contentsOfFile: merged + "/README.md", encoding: .utf8)
    #expect(card.hasPrefix("---\nbase_model: model\n"))
    #expect(card.contains("library_name: sentence-transformers\n"))

    let adapter = place.directory.path("adapter")
    _ = try run(["export", output, "--format", "peft", "--output", adapter])
    let configuration = try JSONValue(contentsOf: adapter + "/adapter_config.json")
    #expect(configuration["task_type"]?.string == "FEATURE_EXTRACTION")
    #expect(
      configuration["target_modules"]?.array?.first?.string?
        .hasPrefix("encoder.layer.0.") == true)
  }

  @Test("files in every format hold the embeddings of standard output")
  func formats() throws {
    let data = try place.directory.write("red one\ngreen\nfour\nblue two three\n", to: "texts.txt")
    let options = [place.model, "--data", data, "--format", "lines", "--pooling", "first"]
    let printed = try embeddings(options + ["--normalize"])
    let plain = try embeddings(options)
    #expect(printed.count == 4 && distance(printed, plain) > 0.1)
    for name in ["e.npy", "e.jsonl", "e.safetensors"] {
      let path = place.directory.path(name)
      _ = try run(["embed"] + options + ["--normalize", "--output", path])
      let again = try PEFTProcess.run(
        "embed", place.model, "--text", "red", "--output", path)
      #expect(again.status == 6 && again.errors.contains("already exists"))
      #expect(distance(printed, try read(path)) < 1e-7)
    }
    let refused = try PEFTProcess.run(
      "embed", place.model, "--text", "red", "--output", place.directory.path("e.csv"))
    #expect(refused.status == 3 && refused.errors.contains("*.npy"))
  }

  /// The rows of a file of embeddings.
  private func read(_ path: String) throws -> [[Double]] {
    if path.hasSuffix(".jsonl") {
      return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        try JSONValue(parsing: $0.utf8)["embedding"]?.array?.compactMap(\.double) ?? []
      }
    }
    let floats: [Float]
    if path.hasSuffix(".safetensors") {
      let reader = try SafetensorsReader(path: path)
      #expect(reader.entry("embeddings")?.shape == [4, 32])
      floats = try reader.floats(of: "embeddings")
    } else {
      let bytes = try FileContents.read(path)
      let length = Int(bytes[8]) + 256 * Int(bytes[9])
      let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
      #expect((10 + length) % 64 == 0 && header.hasSuffix("\n"))
      #expect(
        header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 32), }"))
      floats = Array(bytes[(10 + length)...]).withUnsafeBytes {
        Array($0.bindMemory(to: Float.self))
      }
    }
    return stride(from: 0, to: floats.count, by: 32).map { start in
      floats[start..<start + 32].map(Double.init)
    }
  }

  @Test("a given text is cut to the given length, as the texts of a file are")
  func lengths() throws {
    let text = "red good green bad blue one two three"
    let cut = try embeddings([place.model, "--text", text, "--max-length", "4"])
    #expect(distance(cut, try embeddings([place.model, "--text", text])) > 1e-3)
    let file = try place.directory.write(text + "\n", to: "text.txt")
    let read = try embeddings([place.model, "--data", file, "--max-length", "4"])
    #expect(distance(cut, read) == 0)
  }

  @Test("a run of another task is refused")
  func otherTask() throws {
    let output = place.directory.path("classes")
    _ = try run([
      "train", "--model", place.model, "--train", place.train, "--method", "head", "--steps", "2",
      "--output", output,
    ])
    let refused = try PEFTProcess.run("embed", output, "--text", "red")
    #expect(refused.status == 3)
    #expect(refused.errors.contains("trained for classification"))
  }
}
