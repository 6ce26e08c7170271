import Foundation
import PEFTTensor
import Testing

@Suite("Comparisons of methods and rates")
struct ComparisonCommandTests {
  private static let quick = [
    "--direction-batches", "3", "--probe-batches", "3", "--head-steps", "5", "--batch-size", "8",
  ]

  @Test("a diverging trial rate is not chosen; a single rate that diverges ends with 4")
  func divergingRate() throws {
    let place = try Workplace()
    func compare(_ output: String, _ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "compare", "--model", place.model, "--train", place.train, "--pooling", "mean",
          "--methods",
          "bitfit,head", "--steps", "4", "--output", place.directory.path(output), "--json",
        ] + extra)
      return try PEFTProcess.finish(process, directory)
    }
    let tried = try compare("tried", "--dev", place.dev, "--learning-rates", "1e30,1e-3")
    #expect(tried.status == 0 && tried.errors.contains("not finite"), "\(tried.errors)")
    let methods = try #require(try tried.document["methods"]?.array)
    #expect(methods.count == 2)
    for method in methods { #expect(method["learningRate"]?.double == 1e-3) }
    let alone = try compare("alone", "--dev", place.dev, "--learning-rates", "1e30")
    #expect(alone.status == 4, "\(alone.errors)")
    for (extra, word) in [
      (["--learning-rates", "1e-3,1e-2"], "--dev"), (["--seeds", "1,2,1"], "twice"),
    ] {
      let refused = try compare("none", "--holdout", "none", extra[0], extra[1])
      #expect(refused.status == 2 && refused.errors.contains(word), "\(refused.errors)")
    }
  }

  @Test("the answer of adapt fits a terminal of 80 × 24, and its progress counts all runs")
  func screen() throws {
    let place = try Workplace()
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--test",
        place.dev, "--pooling", "mean", "--budget", "0.5%", "--baselines", "lora,bitfit,head,full",
        "--learning-rates", "1e-4,1e-3", "--candidates", "lora:1,2,4", "--steps", "2", "--output",
        place.directory.path("run"),
      ] + Self.quick, environment: ["COLUMNS": "80", "LINES": "24"])
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    // The prompt takes the last line of the terminal; the path of the run is one long word.
    #expect(lines.count <= 23, "\(result.output)")
    for line in lines where !line.contains(place.directory.path("run")) {
      #expect(line.count <= 80, "\(line)")
    }
    #expect(lines.contains { $0.hasPrefix("layer ") } && lines.contains { $0.contains("* chosen") })
    #expect(lines.contains { $0.hasPrefix("baseline ") })
    #expect(lines.contains { $0.hasPrefix("full (over budget)") })
    for text in ["runs: 1 of 10 done, ", "runs: 10 of 10 done, "] {
      #expect(result.errors.contains(text), "\(text)")
    }
  }

  @Test("a budget beside the head that is too small for LoRA trains single elements")
  func elements() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--budget", "70+head", "--baselines", "lora", "--learning-rate", "1e-2", "--steps",
        "8", "--output", run, "--json",
      ] + Self.quick)
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0, "\(result.errors)")
    let plan = try JSONValue(contentsOf: run + "/plan.json")
    let groups = try #require(plan["groups"]?.array)
    let head = try #require(groups.first { $0["kind"] == .string("head") }?["parameters"]?.integer)
    #expect(plan["budget"]?.integer == 70 + head)
    let weight = try #require(plan["weight"]?.integer)
    #expect(weight > head && weight <= 70 + head)
    // As many elements of each matrix as the budget allows are one of the sets.
    let anchor = try #require(plan["anchor"]?["name"]?.string)
    #expect(anchor.hasPrefix("speft:"))
    let trained = try JSONValue(contentsOf: run + "/run.json")
    #expect(trained["trainable"]?.integer == weight)
    #expect(try PEFTProcess.run("verify", run).status == 0)
    let again = try place.train(
      "--plan", run + "/plan.json", "--learning-rate", "1e-2", "--steps", "8", "--batch-size", "8",
      "--output", place.directory.path("again"))
    #expect(again.status == 0, "\(again.errors)")
    #expect(
      try Data(contentsOf: URL(filePath: run + "/trained.safetensors"))
        == Data(contentsOf: URL(filePath: place.directory.path("again/trained.safetensors"))))
  }

  @Test("smaller budgets are planned from the same probe, and compared")
  func smallerBudgets() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    func adapt(_ budgets: String, _ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--budget", "1500+head", "--smaller-budgets", budgets, "--baselines", "head",
          "--learning-rate", "1e-2", "--steps", "4", "--output", run, "--json",
        ] + Self.quick + extra)
      return try PEFTProcess.finish(process, directory)
    }
    let result = try adapt("70+head,140+head")
    #expect(result.status == 0, "\(result.errors)")
    let methods = try #require(result.document["comparison"]?["methods"]?.array)
    #expect(
      methods.compactMap { $0["name"]?.string }
        == ["selection", "selection 70+head", "selection 140+head", "head"])
    let trainable = methods.compactMap { $0["trainable"]?.integer }
    let head = try #require(trainable.last)
    for (count, limit) in zip(trainable, [1500, 70, 140]) {
      #expect(count > head && count <= head + limit)
    }
    #expect(trainable[1] < trainable[2] && trainable[2] < trainable[0])
    // All are of one probe, whose time each of them is charged.
    let seconds = methods.compactMap { $0["probeSeconds"]?.double }
    #expect(seconds.count == 4 && seconds.dropLast().allSatisfy { $0 > 0 } && seconds[3] == 0)
    #expect(try PEFTProcess.run("verify", run).status == 0)
    let small = try JSONValue(contentsOf: run + "/methods/selection-70+head/seed-1/run.json")
    #expect(small["trainable"]?.integer == trainable[1])
    let refused = try adapt("1500+head", "--overwrite")
    #expect(
      refused.status == 2 && refused.errors.contains("not below the budget"), "\(refused.errors)")
  }

  @Test("a job that replaces another can be resumed, also after trials of rates")
  func overwrittenRates() throws {
    let place = try Workplace()
    func adapt(_ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--budget", "2%", "--baselines", "none", "--learning-rates", "1e-4,1e-3",
          "--candidates", "lora:1", "--output", place.directory.path("run"),
        ] + Self.quick + extra)
      return try PEFTProcess.finish(process, directory)
    }
    #expect(try adapt("--steps", "2").status == 0)
    let shim = try FaultShim()
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--budget", "2%", "--baselines", "none", "--learning-rates", "1e-4,1e-3",
        "--candidates", "lora:1", "--output", place.directory.path("run"), "--steps", "3",
        "--overwrite",
      ] + Self.quick, environment: shim.environment("kill", at: 20))
    #expect(try PEFTProcess.finish(process, directory).status == -SIGKILL)
    let resumed = try adapt("--steps", "3", "--resume")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let manifest = try JSONValue(contentsOf: place.directory.path("run/run.json"))
    #expect(manifest["steps"] == .integer(3))
  }
}
