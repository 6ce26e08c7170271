import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Holds out dev data, and fits the maximum length to the data.
@Suite("Held-out data and lengths by command")
struct HoldoutCommandTests {
  private let directory: TemporaryDirectory
  private let model: String
  private let train: String

  init() throws {
    directory = try TemporaryDirectory()
    model = directory.path("model")
    train = try directory.write(Self.rows(0..<90), to: "train.tsv")
    try SmallModel.write(to: model, texts: ["good bad red green blue number one two three"])
  }

  private static func rows(_ numbers: Range<Int>) -> String {
    numbers.map { number in
      let isGood = number.isMultiple(of: 3)
      return "\(isGood ? "good" : "bad") number \(number)\t\(isGood ? "yes" : "no")\n"
    }.joined()
  }

  private func run(_ command: String, _ arguments: [String], to output: String) throws
    -> PEFTProcess
  {
    let (process, place) = try PEFTProcess.start(
      [command, "--model", model, "--train", train, "--pooling", "mean", "--output", output]
        + arguments)
    return try PEFTProcess.finish(process, place)
  }

  @Test("a held-out part is the same for every seed, and the recipe has it")
  func seeds() throws {
    let options = ["--method", "head", "--steps", "4", "--holdout", "10%"]
    for seed in ["1", "2"] {
      let output = directory.path("run-\(seed)")
      let trained = try run("train", options + ["--seed", seed], to: output)
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(trained.errors.contains("held out as dev data: 9 of the 90 rows"))
      #expect(trained.errors.contains("81 rows"))
      #expect(trained.errors.contains("(held out): 9 rows"))
      #expect(trained.errors.contains("2 labels: no 6, yes 3"), "\(trained.errors)")
      let manifest = try JSONValue(contentsOf: output + "/run.json")
      #expect(manifest["metrics"]?["dev"]?["accuracy"] != nil)
      #expect(manifest["recipe"]?["holdout"]?.double == 0.1)
    }
    let output = directory.path("run-1")
    let again = try run("train", options + ["--resume"], to: output)
    #expect(again.status == 0 && again.errors.contains("nothing to do"), "\(again.errors)")
    for other in ["none", "20%", "9"] {
      let refused = try run("train", Array(options.dropLast()) + [other, "--resume"], to: output)
      #expect(refused.status == 3 && refused.errors.contains("--holdout"), "\(refused.errors)")
    }
    // Without being asked, train trains on everything.
    let whole = try run(
      "train", Array(options.dropLast(2)), to: directory.path("whole"))
    #expect(whole.status == 0 && !whole.errors.contains("held out"))
  }

  @Test("a run with held-out data that was interrupted resumes to the same bits")
  func resumed() throws {
    let options = [
      "--method", "bitfit", "--steps", "8", "--batch-size", "16", "--evaluate-every", "2",
      "--holdout", "auto", "--learning-rate", "3e-3", "--quiet",
    ]
    let (whole, cut) = (directory.path("whole"), directory.path("cut"))
    #expect(try run("train", options, to: whole).status == 0)
    let shim = try FaultShim()
    let (process, place) = try PEFTProcess.start(
      [
        "train", "--learning-rate", "1e-3", "--model", model, "--train", train, "--pooling", "mean",
        "--output", cut,
      ] + options,
      environment: shim.environment("kill", at: 40))
    #expect(try PEFTProcess.finish(process, place).status == -SIGKILL)
    let resumed = try run("train", options + ["--resume"], to: cut)
    #expect(resumed.status == 0, "\(resumed.errors)")
    for name in ["trained.safetensors", "metrics.csv", "steps.csv"] {
      #expect(
        try Data(contentsOf: URL(filePath: "\(whole)/\(name)"))
          == Data(contentsOf: URL(filePath: "\(cut)/\(name)")), "\(name)")
    }
  }

  @Test(
    "adapt and compare hold out a tenth if there are no dev data; learning rates are chosen on it")
  func studies() throws {
    let quick = ["--steps", "2", "--batch-size", "8"]
    let compared = try run(
      "compare", quick + ["--methods", "head,bitfit", "--learning-rates", "1e-3,1e-2", "--json"],
      to: directory.path("compared"))
    #expect(compared.status == 0, "\(compared.errors)")
    #expect(compared.errors.contains("held out as dev data: 9 of the 90 rows"))
    #expect(try compared.document["methods"]?.array?.count == 2)
    let output = directory.path("adapted")
    let options =
      quick + [
        "--budget", "20%", "--groups", "kind", "--probe-batches", "2", "--direction-batches", "2",
        "--head-steps", "2", "--baselines", "head", "--quiet",
      ]
    let adapted = try run("adapt", options, to: output)
    #expect(adapted.status == 0, "\(adapted.errors)")
    #expect(
      try JSONValue(contentsOf: output + "/influence.json")["recipe"]?["holdout"]?.string == "auto")
    let refused = try run("adapt", options + ["--holdout", "none", "--resume"], to: output)
    #expect(refused.status == 3 && refused.errors.contains("--holdout"), "\(refused.errors)")
  }

  @Test("what cannot be held out is said")
  func refusals() throws {
    let few = try directory.write(Self.rows(0..<20), to: "few.tsv")
    func attempt(_ command: String, _ arguments: String...) throws -> PEFTProcess {
      try run(
        command, ["--train", few, "--steps", "1"] + arguments,
        to: directory.path("few-\(arguments.joined())"))
    }
    let compared = try attempt("compare", "--methods", "head")
    #expect(compared.status == 0, "\(compared.errors)")
    #expect(compared.errors.contains("no dev data: ") && compared.errors.contains("20 rows"))
    let rates = try attempt("compare", "--methods", "head", "--learning-rates", "1e-3,1e-2")
    #expect(rates.status == 2 && rates.errors.contains("--dev"), "\(rates.errors)")
    let many = try attempt("train", "--holdout", "20")
    #expect(many.status == 2 && many.errors.contains("--holdout 20"), "\(many.errors)")
    let rare = try directory.write(Self.rows(0..<60) + "odd\tnever\n", to: "rare.tsv")
    let held = try run(
      "train", ["--train", rare, "--method", "head", "--steps", "1", "--holdout", "6"],
      to: directory.path("rare"))
    #expect(held.errors.contains("one label is too rare to be in it: never"), "\(held.errors)")
    #expect(try attempt("train", "--method", "head", "--holdout", "4").status == 0)
    let both = try attempt("train", "--holdout", "4", "--dev", few)
    #expect(both.status == 2 && both.errors.contains("--dev and --holdout"), "\(both.errors)")
    #expect(try attempt("train", "--holdout", "none", "--dev", few, "--method", "head").status == 0)
  }

  @Test("options in a configuration file: joined columns and a holdout")
  func configuration() throws {
    let table = try directory.write(
      (0..<60).map { "\($0 % 2),good \($0),bad\n" }.joined(), to: "table.csv")
    let file = try directory.write(
      "columns: [text=2+3, label=1]\nholdout: 10%\nmethod: head\nsteps: 1\n", to: "run.yaml")
    let output = directory.path("configured")
    let trained = try run("train", ["--train", table, "--config", file], to: output)
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("6 of the 60 rows"))
    let settings = try JSONValue(contentsOf: output + "/settings.json")
    #expect(settings["columns"]?["text"]?.text() == "[2,3]")
    #expect(settings["holdout"]?.double == 0.1)
  }

  @Test("without a maximum length, the limit is what 95 % of the training rows need, from 128 on")
  func length() throws {
    let long = directory.path("long-model")
    try SmallModel.write(to: long, texts: ["good bad"], positionCount: 256)
    func table(_ name: String, longRows: Int) throws -> String {
      let rows = (0..<100).map { number in
        let word = number.isMultiple(of: 2) ? "good" : "bad"
        let count = number < longRows ? 198 : 10
        return Array(repeating: word, count: count).joined(separator: " ") + "\t\(word)\n"
      }
      return try directory.write(rows.joined(), to: name)
    }
    func train(_ data: String, to output: String, _ extra: String...) throws -> PEFTProcess {
      let (process, place) = try PEFTProcess.start(
        [
          "train", "--learning-rate", "1e-3", "--model", long, "--train", data, "--dev", data,
          "--method", "head", "--steps",
          "1", "--batch-size", "2", "--pooling", "mean", "--output", output,
        ] + extra)
      return try PEFTProcess.finish(process, place)
    }
    let many = try table("many.tsv", longRows: 10)
    let fitted = directory.path("fitted")
    let kept = try train(many, to: fitted)
    #expect(kept.status == 0 && kept.errors.contains("longest 200 (limit 200)"), "\(kept.errors)")
    #expect(!kept.errors.contains("were cut"))
    let manifest = try JSONValue(contentsOf: fitted + "/run.json")
    #expect(manifest["maximumLength"]?.integer == 200)
    #expect(manifest["recipe"]?["maximumLength"]?.integer == 200)
    let again = try train(many, to: fitted, "--resume")
    #expect(again.status == 0 && again.errors.contains("nothing to do"), "\(again.errors)")
    let other = try train(many, to: fitted, "--resume", "--max-length", "128")
    #expect(other.status == 3 && other.errors.contains("--max-length"), "\(other.errors)")
    let few = try table("few.tsv", longRows: 4)
    let usual = directory.path("usual")
    let cut = try train(few, to: usual)
    #expect(
      cut.errors.components(
        separatedBy: "4 of 100 texts (4 %) were cut to 128 tokens; --max-length 200 keeps all"
      )
      .count == 3, "\(cut.errors)")
    let recipe = try JSONValue(contentsOf: usual + "/run.json")["recipe"]
    #expect(recipe?.object != nil && recipe?["maximumLength"] == nil)
    let predicted = try PEFTProcess.run("predict", usual, "--data", few)
    #expect(predicted.errors.contains("the model was trained with no more"), "\(predicted.errors)")
  }

  @Test("a task of a suite may hold out its dev data and join columns")
  func suite() throws {
    let table = try directory.write(
      (0..<60).map { "\($0 % 2),good \($0),bad\n" }.joined(), to: "suite.csv")
    let file = try directory.write(
      """
      name: small
      question: Does it run?
      models:
        small: {model: \(model), pooling: mean}
      tasks:
        words: {train: \(table), test: \(table), columns: [text=2+3, label=1], holdout: 10%}
      recipe: {steps: 2, batch-size: 8}
      seeds: [1, 2]
      learning-rates: [1e-3, 1e-2]
      budgets: [20%]
      probes: {}
      methods:
        head: {method: head}
        bitfit: {method: bitfit}
      ours: bitfit
      against: [head]
      """, to: "suite.yaml")
    let output = directory.path("suite")
    let result = try PEFTProcess.run("suite", file, "--output", output)
    #expect(result.status == 0, "\(result.errors)")
    let cell = try JSONValue(contentsOf: output + "/cells/words/head/seed-1-rate-0.001.json")
    #expect(cell["recipe"]?["holdout"]?.double == 0.1, "\(cell.text())")
    #expect(cell["recipe"]?["columns"]?["text"]?.text() == "[2,3]")
    let other = try directory.write(
      String(contentsOfFile: file, encoding: .utf8).replacing("10%", with: "20%"), to: "other.yaml")
    let refused = try PEFTProcess.run("suite", other, "--output", output, "--resume")
    #expect(refused.status == 3 && refused.errors.contains("--holdout"), "\(refused.errors)")
  }
}
