import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Compares runs that are interrupted anywhere and resumed with an uninterrupted run.
@Suite("Resuming")
struct ResumeTests: Sendable {
  private static let finals = ["trained.safetensors", "steps.csv", "metrics.csv", "settings.json"]
  let place: Workplace
  let options: [String]

  init() throws {
    place = try Workplace()
    options = [
      "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
      "mean", "--method", "bitfit", "--steps", "9", "--batch-size", "16", "--evaluate-every", "4",
      "--checkpoint-every", "2", "--learning-rate", "3e-3", "--quiet",
    ]
  }

  func train(
    to run: String, _ extra: String..., environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(
      options + ["--output", run] + extra, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// The results of a run that are the same in every such run.
  func results(_ run: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in Self.finals { files[name] = try Data(contentsOf: URL(filePath: "\(run)/\(name)")) }
    var manifest = try #require(JSONValue(contentsOf: run + "/run.json").object)
    for key in ["seconds", "choosingSeconds", "tokensPerSecond"] { manifest[key] = nil }
    // The environment records the number of workers.
    manifest["files"] = manifest["files"]?["trained.safetensors"]
    files["run.json"] = Data(JSONValue.object(manifest).text().utf8)
    return files
  }

  func leftOvers(_ run: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: run).filter {
      $0.hasPrefix("checkpoint") || $0.hasSuffix(".partial")
    }
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
