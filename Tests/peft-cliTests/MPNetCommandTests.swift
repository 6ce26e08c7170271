import Foundation
import PEFTTensor
import Testing

/// Runs an MPNet through the binary.
@Suite("Commands on an MPNet")
struct MPNetCommandTests {
  private let place: Workplace

  init() throws { place = try Workplace(family: .mpnet, hiddenSize: 32) }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(arguments): \(result.errors)")
    return result
  }

  @Test("train, and every export format", arguments: [("full", 3e-3), ("lora", 2e-2)])
  func classifier(method: String, rate: Double) throws {
    let output = place.directory.path("run")
    let trained = try run([
      "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--method",
      method, "--learning-rate", "\(rate)", "--steps", "40", "--batch-size", "16", "--output",
      output, "--json",
    ]).document
    #expect(trained["metrics"]?["dev"]?["accuracy"]?.double == 1)
    for form in ["merged", "delta", "peft"] {
      let exported = place.directory.path(form)
      let result = try run(["export", output, "--format", form, "--output", exported, "--json"])
      #expect(try result.document["largestDifference"]?.double ?? .infinity < 1e-4, "\(form)")
    }
    let config = try JSONValue(contentsOf: place.directory.path("merged") + "/config.json")
    #expect(config["architectures"]?.array == [.string("MPNetForSequenceClassification")])
    #expect(config["type_vocab_size"] == nil)
  }

  @Test("position biases can be a group that is measured, selected and trained alone")
  func positionBiases() throws {
    let name = "mpnet.encoder.relative_attention_bias.weight"
    let groups = try place.directory.write(
      "distances: [\"*relative_attention_bias*\"]\nrest: [\"*embeddings*\", \"*.layer.*\"]\n",
      to: "groups.yaml")
    let probe = place.directory.path("probe")
    let probed = try run([
      "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--output",
      probe, "--groups", groups, "--head-steps", "5", "--batch-size", "16",
      "--direction-batches", "2", "--probe-batches", "2", "--json",
    ]).document
    let distances = try #require(
      probed["groups"]?.array?.first { $0["name"]?.string == "distances" })
    #expect(distances["parameters"]?.integer == 32 * 4)
    #expect(distances["slope"]?.double ?? 0 != 0)

    _ = try run(["select", probe, "--budget", "\(32 * 4 + 2 * 32 + 2)"])
    let output = place.directory.path("run")
    _ = try run([
      "train", "--model", place.model, "--train", place.train, "--plan", probe + "/plan.json",
      "--steps", "3", "--learning-rate", "1e-2", "--output", output, "--pooling", "mean",
    ])
    let written = try SafetensorsReader(path: output + "/trained.safetensors")
    #expect(Set(written.tensorNames) == [name, "classifier.weight", "classifier.bias"])
  }
}
