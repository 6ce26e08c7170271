import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Several labels for a text, from data to exports.
@Suite("Several labels by command")
struct MultiLabelTests {
  private let directory: TemporaryDirectory
  private let model: String
  private let train: String
  private let dev: String

  private static let words = ["rose", "snow", "drum", "wool"]
  private static let names = ["red", "cold", "loud", "soft"]

  /// The word of each label tells that a text has it.
  private static func lines(_ numbers: Range<Int>) -> String {
    numbers.map { number in
      let present = (0..<4).filter { (number * 7 + number / 5 * $0) % (3 + $0) == 0 }
      let text = (["the", "thing"] + present.map { words[$0] }).joined(separator: " ")
      let labels = present.map { "\"\(names[$0])\"" }.joined(separator: ",")
      return "{\"text\":\"\(text)\",\"labels\":[\(labels)]}\n"
    }.joined()
  }

  init() throws {
    directory = try TemporaryDirectory()
    model = directory.path("models/roberta-small")
    train = try directory.write(Self.lines(0..<120), to: "train.jsonl")
    dev = try directory.write(Self.lines(120..<160), to: "dev.jsonl")
    let models = try PEFTProcess.run("models", directory.path("models"))
    #expect(models.status == 0, "\(models.errors)")
  }

  private func predictions(_ arguments: String...) throws -> [(labels: [String], logits: [Double])]
  {
    let (process, streams) = try PEFTProcess.start(["predict"] + arguments)
    let result = try PEFTProcess.finish(process, streams)
    #expect(result.status == 0, "\(result.errors)")
    return try result.output.split(separator: "\n").map { line in
      let row = try JSONValue(parsing: line.utf8)
      let labels = try #require(row["labels"]?.array).compactMap(\.string)
      let logits = try #require(row["logits"]?.array).compactMap(\.double)
      let probabilities = try #require(row["probabilities"]?.object).members.map { $0.value.double }
      for (logit, probability) in zip(logits, probabilities) {
        #expect(abs((probability ?? .nan) - 1 / (1 + exp(-logit))) < 1e-9)
      }
      return (labels, logits)
    }
  }

  @Test("labels are learnt, thresholds chosen, and a run and its exports agree")
  func roundTrip() throws {
    let run = directory.path("run")
    let trained = try PEFTProcess.run(
      "train", "--model", model, "--train", train, "--dev", dev, "--test", dev, "--method", "full",
      "--steps", "60", "--batch-size", "8", "--learning-rate", "1e-3", "--output", run, "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("task multi-label"))
    #expect(try #require(try trained.document["metrics"]?["microF1"]?.double) > 0.9)
    let manifest = try JSONValue(contentsOf: run + "/run.json")
    #expect(manifest["task"]?["thresholds"]?.array?.count == 4)
    #expect(manifest["baseline"]?["test"]?["metrics"]?["microF1"]?.double ?? 1 < 0.9)

    let own = try predictions(run, "--data", dev)
    #expect(own.count == 40 && own.contains { $0.labels.isEmpty })
    #expect(own.contains { $0.labels.count > 1 })
    #expect(
      try predictions(run, "--data", dev, "--threshold", "0").allSatisfy { $0.labels.count == 4 })
    let table = try PEFTProcess.run("predict", run, "--data", dev, "--output-format", "csv")
    #expect(table.output.hasPrefix("id,text,labels,cold,loud,red,soft\n"))
    for form in ["merged", "delta", "peft"] {
      let output = directory.path(form)
      let exported = try PEFTProcess.run("export", run, "--format", form, "--output", output)
      #expect(exported.status == 0, "\(exported.errors)")
      let again =
        switch form {
        case "merged": try predictions(output, "--data", dev)
        case "delta": try predictions(output, "--model", model, "--data", dev)
        default: try predictions("--adapter", output, model, "--data", dev)
        }
      #expect(again.map(\.labels) == own.map(\.labels), "\(form)")
      for (mine, other) in zip(own, again) {
        for (logit, twin) in zip(mine.logits, other.logits) { #expect(abs(logit - twin) < 1e-4) }
      }
    }
    let configuration = try JSONValue(contentsOf: directory.path("merged") + "/config.json")
    #expect(configuration["problem_type"]?.string == "multi_label_classification")
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", dev, "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let precision = try evaluated.document["metrics"]?["rankingPrecision"]
    #expect(precision != nil)
    // The head of the merged model is kept for the same labels.
    let further = try PEFTProcess.run(
      "train", "--model", directory.path("merged"), "--train", train, "--dev", dev, "--method",
      "head", "--steps", "1", "--learning-rate", "1e-6", "--output", directory.path("further"))
    #expect(further.status == 0 && further.errors.contains("is kept"), "\(further.errors)")
  }

  @Test("the main job works on it")
  func adapts() throws {
    let run = directory.path("adapted")
    let result = try PEFTProcess.run(
      "adapt", "--model", model, "--train", train, "--dev", dev, "--test", dev, "--budget", "5%",
      "--steps", "8", "--batch-size", "8", "--learning-rate", "5e-3", "--baselines", "head",
      "--output", run, "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(FileManager.default.fileExists(atPath: run + "/report.html"))
  }

  @Test("an unknown label in dev data is an error with its line")
  func unknownLabel() throws {
    let other = try directory.write(
      "{\"text\":\"a\",\"labels\":[\"red\"]}\n{\"text\":\"a\",\"labels\":[\"blue\"]}\n",
      to: "other.jsonl")
    let result = try PEFTProcess.run(
      "train", "--model", model, "--train", train, "--dev", other, "--steps", "1", "--output",
      directory.path("none"))
    #expect(result.status == 3)
    #expect(result.errors.contains("line 2") && result.errors.contains("\"blue\""))
  }
}
