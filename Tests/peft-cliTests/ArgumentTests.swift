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

  @Test(
    "a command or an option that does not exist is answered by the nearest one",
    arguments: [
      (["adpat", "--model", "m"], "peft adapt"), (["finetune"], "peft train"),
      (["help", "prediict"], "peft predict"), (["--verison"], "--version"),
      (["train", "--modle", "m"], "--model"),
      (["train", "--rank", "4", "--lora-alpha", "8"], "--alpha"),
      (["train", "--batch_size", "8"], "--batch-size"), (["train", "-lr", "1"], "--lr"),
      (["adapt", "--max-seq-length=64"], "--max-length"),
      (["evaluate", "run", "--test-data", "t"], "--data"),
      (["train", "--model", "--modle", "--epoch", "3"], "--epochs"),
    ])
  func misspelled(_ item: (arguments: [String], meant: String)) throws {
    let result = try Self.run(item.arguments)
    #expect(result.status == 2, "\(result.errors)")
    #expect(result.errors.contains("did you mean"), "\(result.errors)")
    #expect(result.errors.contains(item.meant + "?") || result.errors.contains(item.meant + "`?"))
  }

  @Test("a value that is like an option, and an option far from all, are not corrected")
  func unknown() throws {
    let far = try Self.run(["train", "--frobnicate"])
    #expect(far.status == 2 && far.errors.contains("no option --frobnicate"))
    #expect(far.errors.contains("peft train --help") && !far.errors.contains("did you mean"))
    let value = try Self.run(["train", "--model=--x", "--train", "t", "--seed", "one"])
    #expect(value.status == 2 && !value.errors.contains("no option"), "\(value.errors)")
  }

  @Test("--lr is --learning-rate, also over a configuration file")
  func synonym() throws {
    let place = try TemporaryDirectory()
    let file = try place.write("learning-rate: 0.5\n", to: "c.yaml")
    let arguments = ["train", "--model", "m", "--train", "t", "--output", "o"]
    for options in [["--lr", "-1"], ["--lr=-1", "--config", file]] {
      let result = try Self.run(arguments + options)
      #expect(result.status == 2 && result.errors.contains("--learning-rate"), "\(result.errors)")
    }
  }

  @Test(
    "a refused value says why",
    arguments: [
      (["select", "f", "--budget", "0.5"], "0.5%"), (["select", "f", "--budget", "0.5"], "50%"),
      (["select", "f", "--budget", "none"], "such as 5000"),
      (
        [
          "adapt", "--model", "m", "--train", "t", "--output", "o", "--budget", "1%",
          "--smaller-budgets", "0.1%,0.5",
        ], "--smaller-budgets 0.5: a number of parameters is whole"
      ),
      (
        [
          "adapt", "--model", "m", "--train", "t", "--output", "o", "--goal", "0.9",
          "--smaller-budgets", "0.1%",
        ], "leave it out with --goal"
      ),
      (
        ["train", "--model", "m", "--train", "t", "--output", "o", "--columns", "label=score"],
        "the text column is missing"
      ),
    ])
  func refused(_ item: (arguments: [String], reason: String)) throws {
    let result = try Self.run(item.arguments)
    #expect(result.status == 2 && result.errors.contains(item.reason), "\(result.errors)")
  }

  @Test("a model that is only a name is answered by how to fetch it")
  func hub() throws {
    for (arguments, name) in [
      (["inspect", "bert-base-uncased"], "bert-base-uncased"),
      (["tokenize", "org/some.model-v2"], "org/some.model-v2"),
    ] {
      let result = try Self.run(arguments)
      #expect(result.status == 3 && result.errors.contains("hf download \(name)`"))
    }
    let path = try Self.run(["inspect", "./no/such"])
    #expect(path.status == 3 && path.errors.contains("there is no such directory"))
    #expect(!path.errors.contains("hf download"))
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
          "mean", "--method", "head", "--learning-rate", "1e-3", "--output", run, "--resume",
        ] + extra)
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 3 && result.errors.contains(named), "\(result.errors)")
    }
  }
}
