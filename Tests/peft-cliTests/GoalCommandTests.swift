import Foundation
import PEFTStudy
import PEFTTensor
import Testing

/// The search for the smallest set of parameters that reaches a goal, by the real binary.
@Suite("Goals of adapt", .serialized)
struct GoalCommandTests {
  private let place: Workplace

  init() throws { place = try Workplace() }

  private func adapt(
    to run: String, _ extra: [String], environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--candidates", "lora:1,2", "--head-steps", "3", "--direction-batches", "2",
        "--probe-batches", "3", "--batch-size", "16", "--output", run,
      ] + extra, environment: environment)
    return try PEFTProcess.finish(process, directory)
  }

  @Test("the smallest set that reaches a share of full fine-tuning is trained once, and kept")
  func share() throws {
    let run = place.directory.path("run")
    let result = try adapt(
      to: run,
      [
        "--goal", "98%-of-full", "--steps", "24", "--learning-rate", "3e-3", "--seeds", "1,2",
        "--baselines", "norm", "--test", place.dev, "--json",
      ])
    #expect(result.status == 0, "\(result.errors)")
    let plan = try Plan.read(run)
    let goal = try #require(plan.goal)
    // The words tell the labels, so that every set learns them in the end.
    #expect(goal.isReached, "\(goal.answer)")
    #expect(goal.trials.count >= 1 && goal.ladder.first == "head alone")
    #expect(goal.full?.test == goal.full?.score && goal.testRange != nil)
    for trial in goal.trials {
      let below = "\(run)/methods/set-\(trial.name.replacing(" ", with: "-"))/seed-1/run.json"
      let manifest = try JSONValue(contentsOf: below)
      #expect(manifest["metrics"]?["dev"]?["accuracy"]?.double == trial.score)
      #expect(manifest["trainable"]?.integer == trial.parameters + goal.headParameters)
      #expect(trial.range.lowerBound <= trial.range.upperBound)
      if trial.name == goal.chosen.name {
        #expect(try Fingerprint.file(below) == Fingerprint.file(run + "/run.json"))
      }
    }
    let methods = try #require(try result.document["comparison"]?["methods"]?.array)
    #expect(methods.map { $0["name"] } == [.string("selection"), .string("full"), .string("norm")])
    for method in methods { #expect(method["runs"]?.array?.count == 2) }
    #expect(methods[0]["trainable"]?.integer == plan.weight)
    // The selection is charged for the runs that it was chosen by.
    let costs = methods.map { $0["probeSeconds"]?.double ?? 0 }
    #expect(costs[0] > plan.probeSeconds)
    #expect(try PEFTProcess.run("verify", run).status == 0)
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(page.contains("How few parameters reach the goal"))
    #expect(page.contains("Sets that were trained"))
    #expect(try PEFTProcess.run("report", run).status == 0)
    #expect(try String(contentsOfFile: run + "/report.html", encoding: .utf8) == page)
    #expect(try PEFTProcess.run("predict", run, "--data", place.dev).status == 0)
    // A lower goal uses the same runs again.
    let lower = try adapt(
      to: run,
      [
        "--goal", "0.1", "--steps", "24", "--learning-rate", "3e-3", "--test", place.dev,
        "--resume",
      ])
    #expect(lower.status == 0, "\(lower.errors)")
    #expect(try Plan.read(run).goal?.chosen.name == "head alone")
    #expect(lower.output.contains("accuracy 0.1 is reached by the head alone"), "\(lower.output)")
    #expect(try PEFTProcess.run("verify", run).status == 0)
  }

  @Test("if nothing reaches the goal, the command says so and keeps the best")
  func unreached() throws {
    let run = place.directory.path("run")
    let result = try adapt(
      to: run, ["--goal", "1", "--steps", "2", "--learning-rate", "1e-9", "--baselines", "bitfit"])
    #expect(result.status == 0, "\(result.errors)")
    let words = result.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("warning: no set reaches accuracy 1 in nine of ten"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run + "/methods/full"))
    let comparison = try JSONValue(contentsOf: run + "/comparison.json")
    #expect(
      comparison["methods"]?.array?.map { $0["name"] } == [.string("selection"), .string("bitfit")])
    #expect(FileManager.default.fileExists(atPath: run + "/run.json"))
  }

  @Test("a job killed at several points resumes to the same set and the same bits")
  func killed() throws {
    let options = [
      "--goal", "100%-of-full", "--steps", "4", "--learning-rates", "1e-3,5e-3", "--evaluate-every",
      "2", "--resume", "--quiet",
    ]
    func findings(_ run: String) throws -> [JSONValue?] {
      let plan = try JSONValue(contentsOf: run + "/plan.json")
      let comparison = try JSONValue(contentsOf: run + "/comparison.json")
      return [plan["goal"], plan["groups"]]
        + (comparison["methods"]?.array ?? []).flatMap { [$0["accuracy"], $0["learningRate"]] }
        + [.string(try Fingerprint.file(run + "/trained.safetensors"))]
    }
    let whole = place.directory.path("whole")
    #expect(try adapt(to: whole, options).status == 0)
    let expected = try findings(whole)
    let shim = try FaultShim()
    var kills = 0
    for call in stride(from: 150, to: 20_000, by: 217) {
      let run = place.directory.path("run-\(call)")
      let ended = try adapt(to: run, options, environment: shim.environment("kill", at: call))
      if ended.status == 0 { break }
      kills += 1
      let last = try adapt(to: run, options)
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      try #require(try findings(run) == expected, "killed at \(call)")
      #expect(try PEFTProcess.run("verify", run).status == 0, "killed at \(call)")
    }
    #expect(kills > 2, "\(kills) kills")
  }

  @Test("goals that make no sense are refused before anything is done")
  func refusals() throws {
    let run = place.directory.path("run")
    let novel = try place.directory.write(
      String(repeating: "red green blue one two three. ", count: 200), to: "novel.txt")
    let task = ["--model", place.model, "--output", run]
    let data = task + ["--train", place.train]
    for (arguments, word) in [
      (data + ["--goal", "98%"], "98%-of-full"), (data + ["--goal", "98"], "98%-of-full"),
      (data + ["--goal", "0%-of-full"], "98%-of-full"),
      (data + ["--goal", "101%-of-full"], "at most 100 %"),
      (data + ["--goal", "0.9", "--budget", "1%"], "exclude each other"), (data, "--goal"),
      (data + ["--goal", "0.9", "--holdout", "none"], "--dev"),
      (data + ["--goal", "0.9", "--settle-after", "2"], "--budget"),
      (
        task + ["--train", novel, "--dev", novel, "--task", "language", "--goal", "0.9"], "--budget"
      ),
      (
        task + ["--train", novel, "--dev", novel, "--task", "language", "--goal", "98%-of-full"],
        "lower is better"
      ),
    ] {
      let (process, directory) = try PEFTProcess.start(["adapt"] + arguments)
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 2 && result.errors.contains(word), "\(arguments): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: run))
    }
  }
}
