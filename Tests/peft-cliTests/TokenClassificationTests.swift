import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Tags words, from a CoNLL file to exports.
@Suite("Tagging words by command")
struct TokenClassificationTests {
  private let directory: TemporaryDirectory
  private let model: String
  private let train: String
  private let dev: String

  init() throws {
    directory = try TemporaryDirectory()
    model = directory.path("model")
    // The word determines its tag, except "may", which is a name after "miss".
    func sentences(_ numbers: Range<Int>) -> String {
      numbers.map { number in
        switch number % 3 {
        case 0: "miss O\nmay B-PER\nsings O\n"
        case 1: "we O\nmay O\nsee O\nnew B-LOC\nyork I-LOC\n"
        default: "new O\nsongs O\n"
        }
      }.joined(separator: "\n")
    }
    train = try directory.write(sentences(0..<60), to: "train.conll")
    dev = try directory.write(sentences(0..<9), to: "dev.conll")
    try SmallModel.write(to: model, texts: ["miss may sings we see new york songs"])
  }

  /// The tags that `predict` prints, by sentence.
  private func tags(_ arguments: String...) throws -> [[String]] {
    let (process, place) = try PEFTProcess.start(["predict"] + arguments + ["--data", dev])
    let result = try PEFTProcess.finish(process, place)
    #expect(result.status == 0, "\(result.errors)")
    return try result.output.split(separator: "\n").map {
      try #require(JSONValue(parsing: $0.utf8)["tags"]?.array).map { $0.string ?? "" }
    }
  }

  @Test("a tagger learns, and its run and exports agree")
  func roundTrip() throws {
    let run = directory.path("run")
    let trained = try PEFTProcess.run(
      "train", "--model", model, "--train", train, "--dev", dev, "--method", "full", "--steps",
      "120", "--batch-size", "8", "--learning-rate", "5e-3", "--output", run, "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    let found = try trained.document["metrics"]
    #expect(try #require(found?["f1"]?.double) > 0.9)
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", dev, "--json")
    for name in ["f1", "precision", "recall", "accuracy", "loss"] {
      let value = try #require(found?[name]?.double)
      #expect(try evaluated.document["metrics"]?[name]?.double == value, "\(name)")
    }
    let ours = try tags(run)
    #expect(ours.map(\.count) == [3, 5, 2, 3, 5, 2, 3, 5, 2])
    for format in ["merged", "delta", "peft"] {
      let output = directory.path(format)
      let exported = try PEFTProcess.run("export", run, "--format", format, "--output", output)
      #expect(exported.status == 0, "\(format): \(exported.errors)")
      switch format {
      case "merged": #expect(try tags(output) == ours)
      case "delta": #expect(try tags(output, "--model", model) == ours)
      default: #expect(try tags(model, "--adapter", output) == ours)
      }
    }
    let configuration = try JSONValue(contentsOf: directory.path("merged") + "/config.json")
    #expect(
      configuration["architectures"] == .array([.string("BertForTokenClassification")]))
    #expect(
      try JSONValue(contentsOf: directory.path("peft") + "/adapter_config.json")["task_type"]
        == .string("TOKEN_CLS"))
  }

  @Test("the main job selects parameters of a tagger")
  func adapt() throws {
    let output = directory.path("adapt")
    let result = try PEFTProcess.run(
      "adapt", "--model", model, "--train", train, "--dev", dev, "--budget", "20%", "--steps", "30",
      "--batch-size", "8", "--seeds", "1", "--learning-rate", "5e-3", "--output", output)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("% F1 on dev with"), "\(result.output)")
    #expect(FileManager.default.fileExists(atPath: output + "/report.html"))
  }

  @Test("labels of texts are not tags")
  func refusal() throws {
    let rows = try directory.write("good\tyes\nbad\tno\n", to: "rows.tsv")
    let result = try PEFTProcess.run(
      "train", "--learning-rate", "1e-3", "--model", model, "--train", rows, "--task",
      "token-classification", "--output",
      directory.path("run"))
    #expect(result.status == 3 && result.errors.contains("--format conll"), "\(result.errors)")
  }
}
