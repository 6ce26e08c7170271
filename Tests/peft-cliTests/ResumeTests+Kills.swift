import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Jobs that are killed at their file changes, and resumed.
extension ResumeTests {
  /// Kills a job at each of its file changes in turn and resumes it. The resumed job must produce
  /// the same results as an uninterrupted one, `whole`, and leave nothing else behind.
  ///
  /// - Parameter job: works in a directory, with variables in its environment.
  /// - Returns: the number of calls that change a file.
  private func killEverywhere<Findings: Equatable & Sendable>(
    _ job: @Sendable @escaping (String, [String: String]) throws -> PEFTProcess,
    findings: @Sendable @escaping (String) throws -> Findings
  ) async throws -> Int {
    let shim = try FaultShim()
    let directory = place.directory.path("whole")
    #expect(try job(directory, [:]).status == 0)
    let whole = try findings(directory)
    let files = try Set(FileManager.default.contentsOfDirectory(atPath: directory))
    return try await sideBySide(1...) { call in
      let run = place.directory.path("run-\(call)")
      let ended = try job(run, shim.environment("kill", at: call))
      if ended.status == 0 { return nil }
      #expect(ended.status == -SIGKILL, "\(ended.errors)")
      let last = try job(run, [:])
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      try #require(try findings(run) == whole, "killed at \(call)")
      let names = try Set(FileManager.default.contentsOfDirectory(atPath: run))
      #expect(names == files, "killed at \(call)")
      try FileManager.default.removeItem(atPath: run)
      return 1
    }
  }

  @Test("a run killed at any file change resumes to the same bits")
  func killed() async throws {
    let shim = try FaultShim()
    #expect(try train(to: place.directory.path("whole")).status == 0)
    let whole = try results(place.directory.path("whole"))
    let kills = try await sideBySide(1...) { call in
      let run = place.directory.path("run-\(call)")
      // If the first kill was at an even call, kill it once more in the middle of resuming.
      let ends = try (0...(call.isMultiple(of: 2) ? 1 : 0)).map { round in
        try train(
          to: run, "--resume", "--workers", "\(1 + call % 2)",
          environment: shim.environment("kill", at: round == 0 ? call : 1 + call / 2)
        ).status
      }
      if ends == [0] { return nil }
      let last = try train(to: run, "--resume", "--workers", "\(1 + call % 2)")
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      try #require(try results(run) == whole, "killed at \(call)")
      #expect(try leftOvers(run).isEmpty, "killed at \(call)")
      try FileManager.default.removeItem(atPath: run)
      return ends.count { $0 == -SIGKILL }
    }
    #expect(kills >= 200, "\(kills) kills")
  }

  @Test(
    "so does a run of other methods, killed at some changes",
    arguments: [
      ["id3", "--set", "share=0.01"], ["dora", "--lora-dropout", "0.1"], ["ia3"],
      ["lora", "--lora-dropout", "0.1", "--accumulate", "3"],
      ["id3", "--set", "share=0.01", "--set", "strategy=repeat", "--set", "age=own"],
      ["speft", "--set", "batches=3"], ["speft", "--set", "by=random"],
      [
        "speft", "--set", "by=fisher", "--set", "scope=global", "--set", "batches=1", "--set",
        "reselect-every=3",
      ], ["rocoft", "--set", "by=random"],
      ["speft", "--set", "by=grasp", "--set", "batches=1", "--set", "reselect-every=3"],
      ["lora-xs", "--set", "batches=3"], ["lora-xs", "--set", "frames=weight"],
      ["lora-sb", "--set", "batches=3"], ["randlora"],
      ["lora", "--set", "start=pissa", "--set", "b-rate=16"],
      ["lora", "--set", "start=gradient", "--set", "trained=b"], ["vera"], ["hra"], ["ether+"],
      ["c3a"], ["adalora", "--rank", "2", "--lora-dropout", "0.1"],
      ["lora-sp", "--set", "resample=step"], ["hiwi"], ["lorta"],
      ["spt", "--rank", "2", "--set", "share=0.05", "--set", "batches=3"],
      ["bipeft", "--set", "share=0.05", "--set", "rounds=6"],
    ])
  func killedWithMethods(method: [String]) async throws {
    let shim = try FaultShim()
    let choosing = options.replacing(["--method", "bitfit"], with: ["--method"] + method)
    @Sendable func train(_ run: String, _ environment: [String: String] = [:]) throws -> PEFTProcess
    {
      let (process, streams) = try PEFTProcess.start(
        choosing + ["--output", run, "--resume"], environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    #expect(try train(place.directory.path("whole")).status == 0)
    let whole = try results(place.directory.path("whole"))
    let kills = try await sideBySide(stride(from: 20, to: 200, by: 17)) { call in
      let run = place.directory.path("run-\(call)")
      let ended = try train(run, shim.environment("kill", at: call))
      let last = try train(run)
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      #expect(try results(run) == whole, "killed at \(call)")
      #expect(try leftOvers(run).isEmpty, "killed at \(call)")
      return ended.status == -SIGKILL ? 1 : 0
    }
    #expect(kills >= 8, "\(kills) kills")
  }

  @Test("so does a run that selects again")
  func killedWhileReselecting() async throws {
    let shim = try FaultShim()
    let probe = place.directory.path("probe")
    #expect(
      try PEFTProcess.run(
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--groups",
        "tensor", "--candidates", "speft:4", "--head-steps", "3", "--batch-size", "8",
        "--direction-batches", "3", "--probe-batches", "4", "--quiet", "--output", probe
      ).status == 0)
    #expect(try PEFTProcess.run("select", probe, "--budget", "600+head", "--quiet").status == 0)
    let reselecting = options.filter { $0 != "--quiet" }
      .replacing(
        ["--method", "bitfit"], with: ["--plan", probe + "/plan.json", "--reselect", "2"]
      )
      .replacing(["--learning-rate", "3e-3"], with: ["--learning-rate", "3e-2"])
    @Sendable func train(_ run: String, _ environment: [String: String] = [:]) throws -> PEFTProcess
    {
      let (process, streams) = try PEFTProcess.start(
        reselecting + ["--output", run, "--resume"], environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    @Sendable func all(_ run: String) throws -> [String: Data] {
      var files = try results(run)
      files["reselection"] = try Data(contentsOf: URL(filePath: run + "/reselection.csv"))
      return files
    }
    let told = try train(place.directory.path("whole"))
    #expect(told.status == 0 && told.errors.contains("step 2  chose again in"), "\(told.errors)")
    let whole = try all(place.directory.path("whole"))
    let table = String(decoding: try #require(whole["reselection"]), as: UTF8.self)
    #expect(table.hasPrefix("step,change,group\n2,"), "\(table)")
    #expect(table.contains("\n4,") && table.contains(",kept,"), "\(table)")
    let kills = try await sideBySide(stride(from: 20, to: 200, by: 17)) { call in
      let run = place.directory.path("run-\(call)")
      let ended = try train(run, shim.environment("kill", at: call))
      let last = try train(run)
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      #expect(try all(run) == whole, "killed at \(call)")
      #expect(try leftOvers(run).isEmpty, "killed at \(call)")
      return ended.status == -SIGKILL ? 1 : 0
    }
    #expect(kills >= 8, "\(kills) kills")
    for (wrong, message) in [
      (["--reselect", "0"], "number of steps"), (["--reselect", "60%"], "number of steps"),
      (["--reselect", "2", "--group-rates"], "--group-rates"),
    ] {
      let (process, streams) = try PEFTProcess.start(
        [
          "train", "--model", place.model, "--train", place.train, "--plan", probe + "/plan.json",
          "--output", place.directory.path("refused"),
        ] + wrong, environment: [:])
      let refused = try PEFTProcess.finish(process, streams)
      #expect(refused.status == 2 && refused.errors.contains(message), "\(refused.errors)")
    }
    // The influences of another probe are not those of the plan.
    try FileManager.default.removeItem(atPath: probe + "/influence.json")
    let alone = try train(place.directory.path("alone"))
    #expect(alone.status == 3 && alone.errors.contains("influence.json"), "\(alone.errors)")
  }

  @Test(
    "a probe killed at any file change resumes to the same bits",
    arguments: [
      [
        "--candidates", "lora:1,2", "--interactions", "--direction-batches", "3",
        "--probe-batches", "4",
      ],
      [
        "--groups", "kind", "--warm-steps", "2", "--direction-batches", "2", "--probe-batches", "2",
      ],
      [
        "--groups", "kind", "--estimator", "fit", "--probe-steps", "6", "--period", "2",
        "--settle-after", "2", "--budget", "3%",
      ],
    ])
  func killedProbe(_ options: [String]) async throws {
    let small = try Workplace(hiddenSize: 16, layerCount: 1)
    @Sendable func probe(to run: String, _ environment: [String: String]) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start(
        [
          "probe", "--model", small.model, "--train", place.train, "--pooling", "mean",
          "--head-steps", "3", "--batch-size", "8", "--resume", "--quiet", "--output", run,
        ] + options, environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    /// All results except the seconds.
    @Sendable func findings(_ run: String) throws -> JSONValue {
      var document = try #require(JSONValue(contentsOf: run + "/influence.json").object)
      var cost = try #require(document["cost"]?.object)
      for key in ["seconds", "headSeconds"] { cost[key] = nil }
      (document["cost"], document["files"]) = (.object(cost), nil)
      return .object(document)
    }
    let calls = try await killEverywhere(probe, findings: findings)
    #expect(calls > (options.contains("kind") ? 15 : 40), "\(calls) calls")
    let names = try FileManager.default.contentsOfDirectory(
      atPath: place.directory.path("whole"))
    #expect(names.sorted() == [".peft.json", "environment.json", "influence.json"])
    // A finished run is not taken for one with other options.
    let other = try PEFTProcess.run(
      "probe", "--model", small.model, "--train", place.train, "--output",
      place.directory.path("whole"), "--resume")
    #expect(other.status == 3)
  }

  @Test("a pretraining killed at any file change resumes to the same bits")
  func killedPretraining() async throws {
    @Sendable func pretrain(to model: String, _ environment: [String: String]) throws -> PEFTProcess
    {
      let (process, streams) = try PEFTProcess.start(
        [
          "pretrain", "--target", "causal", "--train", place.train, "--vocabulary-size", "280",
          "--hidden-size", "16", "--layers", "1", "--heads", "1", "--context", "32", "--steps", "5",
          "--batch-tokens", "64", "--checkpoint-every", "2", "--resume", "--quiet", "--output",
          model,
        ], environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    /// The weights, and all results of each step except the seconds.
    @Sendable func results(_ model: String) throws -> [Data] {
      let table = try String(contentsOfFile: model + "/steps.csv", encoding: .utf8)
        .split(separator: "\n").map { $0.split(separator: ",").prefix(5).joined(separator: ",") }
      #expect(table.count == 6)
      return [
        try Data(contentsOf: URL(filePath: model + "/model.safetensors")),
        Data(table.joined(separator: "\n").utf8),
      ]
    }
    let calls = try await killEverywhere(pretrain, findings: results)
    #expect(calls > 40, "\(calls) calls")
  }

  @Test("the main job, killed at several points, resumes to the same results")
  func killedJob() async throws {
    let shim = try FaultShim()
    @Sendable func adapt(to run: String, _ environment: [String: String] = [:]) throws
      -> PEFTProcess
    {
      let (process, streams) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--budget", "2%", "--baselines", "head", "--steps", "4", "--learning-rates",
          "1e-3,5e-3", "--candidates", "lora:1", "--head-steps", "3", "--direction-batches", "2",
          "--probe-batches", "3", "--batch-size", "16", "--evaluate-every", "2", "--resume",
          "--quiet", "--output", run,
        ], environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    @Sendable func findings(_ run: String) throws -> [JSONValue?] {
      let comparison = try JSONValue(contentsOf: run + "/comparison.json")
      return (comparison["methods"]?.array ?? []).map { $0["accuracy"] }
        + (comparison["methods"]?.array ?? []).map { $0["learningRate"] }
        + [.string(try Fingerprint.file(run + "/trained.safetensors"))]
    }
    #expect(try adapt(to: place.directory.path("whole")).status == 0)
    let whole = try findings(place.directory.path("whole"))
    let kills = try await sideBySide(stride(from: 20, to: 2000, by: 41)) { call in
      let run = place.directory.path("run-\(call)")
      let ended = try adapt(to: run, shim.environment("kill", at: call))
      if ended.status == 0 { return nil }
      let last = try adapt(to: run)
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      try #require(try findings(run) == whole, "killed at \(call)")
      return 1
    }
    #expect(kills > 5, "\(kills) kills")
  }
}
