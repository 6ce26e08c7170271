import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Weights of classes, focal loss and calibration by command.
@Suite("Losses of classes by command")
struct ClassLossTests {
  private let place: Workplace
  private let options: [String]

  init() throws {
    place = try Workplace()
    options = [
      "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
      "mean", "--method", "bitfit", "--steps", "6", "--batch-size", "8", "--learning-rate", "3e-3",
      "--no-dropout",
    ]
  }

  private func train(_ run: String, _ extra: String...) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(
      options + ["--output", place.directory.path(run)] + extra)
    return try PEFTProcess.finish(process, streams)
  }

  private func firstLoss(_ run: String) throws -> Double {
    let rows = try String(contentsOfFile: place.directory.path(run) + "/steps.csv", encoding: .utf8)
      .split(separator: "\n")
    let column = try #require(rows[0].split(separator: ",").firstIndex(of: "loss"))
    return try #require(Double(rows[1].split(separator: ",")[column]))
  }

  @Test("weights of 1 change nothing, equal weights scale the loss, and a focal loss is lower")
  func losses() throws {
    let names = try String(contentsOfFile: place.train, encoding: .utf8).split(separator: "\n")
      .compactMap { $0.split(separator: "\t").last.map(String.init) }
    let classes = Set(names).subtracting(["label"]).sorted()
    #expect(try train("plain").status == 0)
    let file = try place.directory.write(
      "{" + classes.map { "\"\($0)\": 3" }.joined(separator: ",") + "}", to: "weights.json")
    let ones = classes.map { "\($0)=1" }.joined(separator: ",")
    for (run, extra) in [
      ("ones", ["--class-weights", ones]), ("threes", ["--class-weights", file]),
      ("balanced", ["--class-weights", "balanced"]), ("focal", ["--focal", "2"]),
    ] {
      let (process, streams) = try PEFTProcess.start(
        options + ["--output", place.directory.path(run)] + extra)
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 0, "\(result.errors)")
    }
    let plain = try firstLoss("plain")
    #expect(try firstLoss("ones") == plain)
    #expect(abs(try firstLoss("threes") - 3 * plain) < 1e-6 * plain)
    #expect(try firstLoss("focal") < 0.5 * plain)
    #expect(try firstLoss("balanced") > 0)
    // Evaluations are those of the plain loss.
    let resumed = try train("ones", "--class-weights", "balanced", "--resume")
    #expect(resumed.status == 3 && resumed.errors.contains("class-weights"), "\(resumed.errors)")
  }

  @Test("settings that fit no task are refused with a remedy")
  func refusals() throws {
    for (extra, message) in [
      (["--class-weights", "nobody=2"], "is none of the classes"),
      (["--class-weights", "2"], "give balanced"),
      (["--focal", "2", "--label-smoothing", "0.1"], "exclude each other"),
      (["--focal", "-1"], "from 0 to 100"),
    ] {
      let (process, streams) = try PEFTProcess.start(
        options + ["--output", place.directory.path("refused")] + extra)
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 2 && result.errors.contains(message), "\(result.errors)")
    }
  }

  @Test("a fitted temperature comes with the run and its exports, and predictions say so")
  func calibrates() throws {
    let run = place.directory.path("run")
    let trained = try train("run", "--calibrate")
    #expect(trained.status == 0 && trained.errors.contains("calibrated"), "\(trained.errors)")
    let temperature = try #require(
      JSONValue(contentsOf: run + "/run.json")["task"]?["temperature"]?.double)
    func rows(_ arguments: String...) throws -> [JSONValue] {
      let (process, streams) = try PEFTProcess.start(
        ["predict"] + arguments + ["--data", place.dev])
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 0 && result.errors.contains("calibrated"), "\(result.errors)")
      return try result.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
    }
    let own = try rows(run)
    for row in own.prefix(5) {
      let logits = try #require(row["logits"]?.array).compactMap(\.double)
      let powers = logits.map { exp($0 / temperature) }
      let found = try #require(row["probabilities"]?.object).members.compactMap(\.value.double)
      for (power, probability) in zip(powers, found) {
        #expect(abs(power / powers.reduce(0, +) - probability) < 1e-9)
      }
    }
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", place.dev, "--json")
    #expect(try evaluated.document["metrics"]?["ece"]?.double != nil)
  }
}
