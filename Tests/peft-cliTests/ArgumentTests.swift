import Foundation
import TestSupport
import Testing

@Suite("Values of options")
struct ArgumentTests {
  private static func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    return try PEFTProcess.finish(process, streams)
  }

  @Test(
    "a negative number after an option is its value",
    arguments: [
      (
        ["train", "--model", "m", "--train", "t", "--output", "o", "--learning-rate", "-1"],
        "learning-rate"
      ),
      (
        ["train", "--model", "m", "--train", "t", "--output", "o", "--weight-decay", "-.5"],
        "weight-decay"
      ),
      (["train", "--model", "m", "--train", "t", "--output", "o", "--seed", "-1"], "seed"),
    ])
  func negative(_ item: (arguments: [String], option: String)) throws {
    let spaced = try Self.run(item.arguments)
    let (option, value) = (item.arguments[item.arguments.count - 2], item.arguments.last ?? "")
    let joined = try Self.run(item.arguments.dropLast(2) + ["\(option)=\(value)"])
    #expect(spaced.status == joined.status && spaced.errors == joined.errors, "\(spaced.errors)")
    #expect(spaced.status == 2 && spaced.errors.contains(item.option), "\(spaced.errors)")
    #expect(!spaced.errors.contains("Missing value"), "\(spaced.errors)")
  }

  @Test(
    "a value that is empty is refused by the option's name",
    arguments: [
      ["train", "--model", "", "--train", "t", "--output", "o"],
      ["train", "--model=", "--train", "t", "--output", "o"],
      ["probe", "--model", "m", "--train", "t", "--output", ""],
    ])
  func empty(_ arguments: [String]) throws {
    let result = try Self.run(arguments)
    let option = arguments.contains("m") ? "--output" : "--model"
    #expect(result.status == 2 && result.errors.contains("\(option): it is empty"))
    let positional = try Self.run(["predict", "", "--data", "d"])
    #expect(positional.status == 2 && positional.errors.contains("empty"), "\(positional.errors)")
  }

  @Test("byte order marks before configurations and knapsack files do not matter")
  func marks() throws {
    let place = try TemporaryDirectory()
    let mark = "\u{FEFF}"
    for (text, isMarked) in [("2 5\n4 3\n3 2\n", false), (mark + "2 5\n4 3\n3 2\n", true)] {
      let file = try place.write(text, to: "k\(isMarked).txt")
      let result = try Self.run(["knapsack", file, "--json"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(try result.document["value"]?.double == 7 || result.output.contains("7"))
    }
    let configuration = try place.write(mark + "stepz: 3\n", to: "c.yaml")
    let refused = try Self.run(["train", "--config", configuration])
    #expect(refused.status == 2 && refused.errors.contains("stepz"), "\(refused.errors)")
  }

  @Test("a run that is resumed with other options names them")
  func resumed() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    #expect(try place.train("--method", "head", "--steps", "2", "--output", run).status == 0)
    for (extra, named) in [
      (["--steps", "4"], "--steps 2"), (["--steps", "2", "--batch-size", "7"], "--batch-size"),
      (["--steps", "2", "--learning-rate", "3e-3"], "--learning-rate"),
    ] {
      let (process, streams) = try PEFTProcess.start(
        [
          "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--method", "head", "--output", run, "--resume",
        ] + extra)
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 3 && result.errors.contains(named), "\(result.errors)")
    }
  }
}
