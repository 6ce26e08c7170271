import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Compares runs that are interrupted anywhere and resumed with an uninterrupted run.
@Suite("Resuming")
struct ResumeTests: Sendable {
  private static let finals = ["trained.safetensors", "steps.csv", "metrics.csv", "settings.json"]
  private let place: Workplace
  private let options: [String]

  init() throws {
    place = try Workplace()
    options = [
      "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
      "mean", "--method", "bitfit", "--steps", "9", "--batch-size", "16", "--evaluate-every", "4",
      "--checkpoint-every", "2", "--learning-rate", "3e-3", "--quiet",
    ]
  }

  private func train(
    to run: String, _ extra: String..., environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(
      options + ["--output", run] + extra, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// The results of a run that are the same in every such run.
  private func results(_ run: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in Self.finals { files[name] = try Data(contentsOf: URL(filePath: "\(run)/\(name)")) }
    var manifest = try #require(JSONValue(contentsOf: run + "/run.json").object)
    for key in ["seconds", "choosingSeconds", "tokensPerSecond"] { manifest[key] = nil }
    // The environment records the number of workers.
    manifest["files"] = manifest["files"]?["trained.safetensors"]
    files["run.json"] = Data(JSONValue.object(manifest).text().utf8)
    return files
  }

  private func leftOvers(_ run: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: run).filter {
      $0.hasPrefix("checkpoint") || $0.hasSuffix(".partial")
    }
  }

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
  func killedWhileReselecting() throws {
    let shim = try FaultShim()
    let probe = place.directory.path("probe")
    #expect(
      try PEFTProcess.run(
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--groups",
        "tensor", "--candidates", "speft:4", "--head-steps", "3", "--batch-size", "8",
        "--direction-batches", "3", "--probe-batches", "4", "--quiet", "--output", probe
      ).status == 0)
    #expect(try PEFTProcess.run("select", probe, "--budget", "600+head", "--quiet").status == 0)
    var reselecting = options
    reselecting.removeAll { $0 == "--quiet" }
    reselecting.replace(
      ["--method", "bitfit"], with: ["--plan", probe + "/plan.json", "--reselect", "2"])
    reselecting.replace(["--learning-rate", "3e-3"], with: ["--learning-rate", "3e-2"])
    func train(_ run: String, _ environment: [String: String] = [:]) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start(
        reselecting + ["--output", run, "--resume"], environment: environment)
      return try PEFTProcess.finish(process, streams)
    }
    func all(_ run: String) throws -> [String: Data] {
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
    var kills = 0
    for call in stride(from: 20, to: 200, by: 17) {
      let run = place.directory.path("run-\(call)")
      kills += try train(run, shim.environment("kill", at: call)).status == -SIGKILL ? 1 : 0
      let last = try train(run)
      try #require(last.status == 0, "killed at \(call): \(last.errors)")
      #expect(try all(run) == whole, "killed at \(call)")
      #expect(try leftOvers(run).isEmpty, "killed at \(call)")
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
    @Sendable func probe(to run: String, _ environment: [String: String]) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start(
        [
          "probe", "--model", place.model, "--train", place.train, "--pooling", "mean",
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
      "probe", "--model", place.model, "--train", place.train, "--output",
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

  @Test(
    "a full or broken disk ends with 6 and names the file, and nothing is lost",
    arguments: ["ENOSPC", "EIO", "short"])
  func faults(kind: String) async throws {
    let shim = try FaultShim()
    #expect(try train(to: place.directory.path("whole")).status == 0)
    let whole = try results(place.directory.path("whole"))
    // A whole run makes about 180 calls; test every seventh, with a different start for each kind.
    let faults = try await sideBySide(stride(from: 1 + kind.count, to: 1000, by: 7)) { call in
      let run = place.directory.path("run-\(call)")
      let ended = try train(to: run, environment: shim.environment(kind, at: call))
      if ended.status == 0 { return nil }
      #expect(ended.status == 6, "\(kind) at \(call): \(ended.errors)")
      let namesPath = ended.errors.contains(run)
      #expect(namesPath, "\(kind) at \(call): \(ended.errors)")
      let last = try train(to: run, "--resume")
      try #require(last.status == 0, "\(kind) at \(call): \(last.errors)")
      try #require(try results(run) == whole, "\(kind) at \(call)")
      try FileManager.default.removeItem(atPath: run)
      return 1
    }
    #expect(faults > 20, "\(faults) faults")
  }

  /// Sends SIGTERM to the process of `run` as soon as `isDue` returns true for its events.
  private func end(
    _ process: Process, _ streams: TemporaryDirectory, run: String,
    when isDue: ([JSONValue]) -> Bool
  ) throws -> PEFTProcess {
    for _ in 0..<60_000 where process.isRunning {
      let lines = (try? String(contentsOfFile: run + "/events.jsonl", encoding: .utf8)) ?? ""
      let events = lines.split(separator: "\n").compactMap { try? JSONValue(parsing: $0.utf8) }
      if isDue(events) {
        process.terminate()
        break
      }
      usleep(2000)
    }
    return try PEFTProcess.finish(process, streams)
  }

  @Test("a signal ends an evaluation, which the resumed run repeats")
  func interruptedEvaluation() throws {
    let words = ["red", "green", "blue", "one", "two", "three", "four", "five"]
    let rows = (0..<40_000).map { "\(words[$0 % 8]) \($0 % 3 == 0 ? "good" : "bad")\tyes\n" }
    let long = try place.directory.write(
      rows.joined() + "blue bad\tno\n", to: "long.tsv")
    let arguments = [
      "train", "--model", place.model, "--train", place.train, "--dev", long, "--test", long,
      "--pooling", "mean", "--method", "bitfit", "--steps", "3", "--batch-size", "16",
      "--evaluate-every", "2", "--patience", "5", "--learning-rate", "3e-3", "--quiet", "--output",
    ]
    let (first, output) = try PEFTProcess.start(arguments + [place.directory.path("whole")])
    #expect(try PEFTProcess.finish(first, output).status == 0)
    let run = place.directory.path("run")
    func isEvaluation(_ event: JSONValue, _ step: Int, _ split: String) -> Bool {
      event["event"] == .string("evaluation") && event["step"] == .integer(step)
        && event["split"] == .string(split)
    }
    // During the first evaluation, the last one, and that of the test data.
    for (step, split, before) in [
      (2, "dev", "step"), (3, "dev", "step"), (3, "test", "checkpoint"),
    ] {
      let (process, streams) = try PEFTProcess.start(arguments + [run, "--resume"])
      let ended = try end(process, streams, run: run) { events in
        events.contains { $0["event"] == .string(before) && $0["step"] == .integer(step) }
          && (split == "dev" || events.contains { isEvaluation($0, 3, "dev") })
      }
      #expect(ended.status == 5, "\(step), \(split): \(ended.errors)")
      let states = try JSONValue(contentsOf: run + "/checkpoint.json")["states"]?.array
      #expect(states?.first?["step"] == .integer(step), "\(step), \(split)")
      let events = try String(contentsOfFile: run + "/events.jsonl", encoding: .utf8)
        .split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
      let isMade = events.contains { isEvaluation($0, step, split) }
      #expect(!isMade, "\(step), \(split): the evaluation had ended")
      #expect(try JSONValue(contentsOf: run + "/run.json")["ending"] == .string("interrupted"))
    }
    let (last, streams) = try PEFTProcess.start(arguments + [run, "--resume"])
    let ended = try PEFTProcess.finish(last, streams)
    try #require(ended.status == 0, "\(ended.errors)")
    #expect(try results(run) == results(place.directory.path("whole")))
    #expect(try leftOvers(run).isEmpty)
    // `evaluate` also responds to it, once it handles signals.
    let (evaluation, texts) = try PEFTProcess.start(["evaluate", run, "--data", long])
    for _ in 0..<60_000 where evaluation.isRunning {
      if takesTermination(evaluation.processIdentifier) { break }
      usleep(1000)
    }
    evaluation.terminate()
    let heard = try PEFTProcess.finish(evaluation, texts)
    #expect(heard.status == 5 && heard.output.isEmpty, "\(heard.status): \(heard.errors)")
  }

  /// Whether a process has a handler for SIGTERM.
  private func takesTermination(_ process: Int32) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let mask = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.dropFirst(7)
    let signals = mask.flatMap { UInt64($0.trimmingPrefix(while: \.isWhitespace), radix: 16) } ?? 0
    return signals >> UInt64(SIGTERM - 1) & 1 == 1
  }

  @Test("an interrupted run can be used, and resumes to the same bits; a finished one says so")
  func interrupted() throws {
    let run = place.directory.path("run")
    #expect(try train(to: place.directory.path("whole"), "--steps", "9").status == 0)
    let shim = try FaultShim()
    #expect(
      try train(to: run, "--resume", environment: shim.environment("kill", at: 60)).status
        == -SIGKILL)
    let refused = try PEFTProcess.run("evaluate", run, "--data", place.dev)
    #expect(refused.status == 3)
    let remedies = refused.errors.contains("--resume")
    #expect(remedies)
    #expect(try train(to: run, "--resume").status == 0)
    #expect(try results(run) == results(place.directory.path("whole")))
    let before = try Data(contentsOf: URL(filePath: run + "/run.json"))
    let again = try train(to: run, "--resume", "--json")
    #expect(again.status == 0)
    #expect(try again.document["steps"] == .integer(9))
    #expect(try Data(contentsOf: URL(filePath: run + "/run.json")) == before)
    let other = try train(to: run, "--resume", "--seed", "2")
    #expect(other.status == 3)
  }

  @Test("a run killed before its test evaluation resumes with that, and trains no step again")
  func killedAtTheEnd() throws {
    let shim = try FaultShim()
    let run = place.directory.path("run")
    let test = ["--test", place.dev]
    #expect(try train(to: place.directory.path("whole"), test[0], test[1]).status == 0)
    // Find, by bisection, the first file change after the state of the last step is saved.
    func runs(killedAt call: Int) throws -> (status: Int32, isAfter: Bool) {
      try? FileManager.default.removeItem(atPath: run)
      let ended = try train(
        to: run, test[0], test[1], environment: shim.environment("kill", at: call))
      let states = (try? JSONValue(contentsOf: run + "/checkpoint.json"))?["states"]?.array
      return (ended.status, ended.status == 0 || states?.first?["step"] == .integer(9))
    }
    var (early, late) = (1, 3000)
    while late - early > 1 {
      let call = (early + late) / 2
      (early, late) = try runs(killedAt: call).isAfter ? (early, call) : (call, late)
    }
    let ended = try runs(killedAt: late)
    try #require(ended.status == -SIGKILL)
    try #require(
      JSONValue(contentsOf: run + "/checkpoint.json")["states"]?.array?.first?["step"]
        == .integer(9))
    let steps = try Data(contentsOf: URL(filePath: run + "/steps.csv"))
    let (process, streams) = try PEFTProcess.start(
      options.filter { $0 != "--quiet" } + test + ["--output", run, "--resume"])
    let last = try PEFTProcess.finish(process, streams)
    #expect(last.status == 0 && last.errors.contains("after step 9"), "\(last.errors)")
    #expect(try Data(contentsOf: URL(filePath: run + "/steps.csv")) == steps)
    #expect(try results(run) == results(place.directory.path("whole")))
    #expect(try leftOvers(run).isEmpty)
  }

  /// Rewrites the newest state of a run as one after `step` steps, and updates its manifest.
  private func moveState(of run: String, to step: Int, manifestStep: Int) throws {
    let manifest = run + "/checkpoint.json"
    var document = try #require(JSONValue(contentsOf: manifest).object)
    var state = try #require(document["states"]?.array?.first?.object)
    let name = try #require(state["files"]?.object?.keys.first)
    let path = run + "/" + name
    let reader = try SafetensorsReader(path: path)
    let outputs = try reader.tensorNames.map { name in
      SafetensorsOutput(
        name: name, shape: try #require(reader.entry(name)).shape,
        floats: try reader.floats(of: name))
    }
    var metadata = reader.metadata
    for key in ["step", "optimizerStep"] { metadata[key] = "\(step)" }
    try SafetensorsWriter.write(outputs, metadata: metadata, to: path)
    state["step"] = .integer(manifestStep)
    state["files"] = .object([name: .string(try Fingerprint.file(path))])
    document["states"] = .array([.object(state)])
    try JSONFile.write(.object(document), to: manifest)
  }

  @Test("a state beyond the end of the run, or of a contradictory step, is refused by name")
  func beyond() throws {
    let shim = try FaultShim()
    let run = place.directory.path("run")
    let manifest = run + "/checkpoint.json"
    for call in stride(from: 100, to: 400, by: 10) {
      let ended = try train(to: run, "--overwrite", environment: shim.environment("kill", at: call))
      try #require(ended.status == -SIGKILL)
      if FileManager.default.fileExists(atPath: manifest) { break }
    }
    for (step, manifestStep) in [(10, 10), (400, 400), (3, 400), (400, 3)] {
      try moveState(of: run, to: step, manifestStep: manifestStep)
      let result = try train(to: run, "--resume")
      #expect(result.status == 3, "\(step), \(manifestStep): \(result.errors)")
      let explains =
        result.errors.contains("checkpoint-") && result.errors.contains("after step \(step)")
        && result.errors.contains(step == manifestStep ? "9 steps" : "step \(manifestStep)")
      #expect(explains, "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: run + "/run.json"))
    }
    #expect(try train(to: run, "--overwrite").status == 0)
  }

  @Test(
    "other options, other data and a changed table are refused by name; a damaged state is not used"
  )
  func refusals() throws {
    let shim = try FaultShim()
    let run = place.directory.path("run")
    var states: [JSONValue] = []
    for call in stride(from: 100, to: 400, by: 10) where states.count < 2 {
      let ended = try train(to: run, "--overwrite", environment: shim.environment("kill", at: call))
      try #require(ended.status == -SIGKILL)
      states = (try? JSONValue(contentsOf: run + "/checkpoint.json"))?["states"]?.array ?? []
    }
    try #require(states.count == 2)
    for (extra, word) in [
      (["--learning-rate", "1e-3"], "learningRate"), (["--seed", "4"], "seed"),
      (["--train", place.dev], "trainData"), (["--method", "full"], "method"),
    ] {
      let (process, streams) = try PEFTProcess.start(
        options + ["--output", run, "--resume"] + extra)
      let result = try PEFTProcess.finish(process, streams)
      #expect(result.status == 3, "\(word): \(result.errors)")
      let isNamed = result.errors.contains(word)
      #expect(isNamed, "\(result.errors)")
    }
    // The newest state is damaged, so the previous one is used.
    let newest = URL(
      filePath: run + "/" + (try #require(states[0]["files"]?.object?.keys.first)))
    var bytes = try Data(contentsOf: newest)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: newest)
    let table = URL(filePath: run + "/steps.csv")
    let rows = try String(contentsOf: table, encoding: .utf8)
    try rows.replacing("1,0.", with: "1,1.", maxReplacements: 1)
      .write(to: table, atomically: true, encoding: .utf8)
    let changed = try train(to: run, "--resume")
    #expect(changed.status == 3)
    let isNamed = changed.errors.contains("steps.csv")
    #expect(isNamed)
    try rows.write(to: table, atomically: true, encoding: .utf8)
    let step = try #require(states[1]["step"]?.integer)
    let (process, streams) = try PEFTProcess.start(
      options.filter { $0 != "--quiet" } + ["--output", run, "--resume"])
    let result = try PEFTProcess.finish(process, streams)
    #expect(result.status == 0, "\(result.errors)")
    let warns = result.errors.contains("SHA-256") && result.errors.contains("step \(step)")
    #expect(warns, "\(result.errors)")
    #expect(try train(to: place.directory.path("whole")).status == 0)
    #expect(try results(run) == results(place.directory.path("whole")))
  }
}
