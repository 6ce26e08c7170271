import Foundation
import PEFTTensor
import Testing

/// Probes and pretrainings whose newest state is damaged; `ResumeTests` covers training.
@Suite("Damaged states")
struct DamagedStateTests {
  private let place: Workplace
  private let shim: FaultShim

  init() throws {
    place = try Workplace()
    shim = try FaultShim()
  }

  private func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// Kills a job once it has two states, damages the newest, and lets the job resume. Then damages
  /// both.
  private func check(
    _ arguments: [String], manifest name: String, findings: (String) throws -> some Equatable
  ) throws {
    let (whole, output) = (place.directory.path("whole"), place.directory.path("output"))
    #expect(try run(arguments + ["--output", whole]).status == 0)
    let manifest = output + "/" + name
    var states: [JSONValue] = []
    for call in stride(from: 15, to: 600, by: 3) where states.count < 2 {
      try? FileManager.default.removeItem(atPath: output)
      let ended = try run(arguments + ["--output", output], shim.environment("kill", at: call))
      try #require(ended.status == -SIGKILL, "\(ended.errors)")
      states = (try? JSONValue(contentsOf: manifest))?["states"]?.array ?? []
    }
    try #require(states.count == 2)
    let files = try states.map { try Set(#require($0["files"]?.object).keys) }
    let newest = try #require(files[0].subtracting(files[1]).max())
    let copy = place.directory.path("copy")
    try FileManager.default.copyItem(atPath: output, toPath: copy)
    try Data("damaged".utf8).write(to: URL(filePath: output + "/" + newest))
    let resumed = try run(arguments + ["--output", output, "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(
      resumed.errors.contains(newest) && resumed.errors.contains("SHA-256")
        && resumed.errors.contains("resuming from"), "\(resumed.errors)")
    #expect(try findings(output) == findings(whole))
    for file in files[0].union(files[1]) {
      try Data("damaged".utf8).write(to: URL(filePath: copy + "/" + file))
    }
    let refused = try run(arguments + ["--output", copy, "--resume"])
    #expect(refused.status == 3, "\(refused.errors)")
    for word in Array(files[0].union(files[1])) + [name, "--overwrite"] {
      let isNamed = refused.errors.contains(word)
      #expect(isNamed, "\(word): \(refused.errors)")
    }
  }

  @Test(
    "a probe resumes from the previous state, to the same bits",
    arguments: [
      ["--direction-batches", "2", "--probe-batches", "4", "--interactions"],
      ["--estimator", "fit", "--probe-steps", "6", "--period", "2"],
    ])
  func probe(options: [String]) throws {
    try check(
      [
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--groups",
        "kind", "--head-steps", "2", "--batch-size", "8",
      ] + options, manifest: "probe-checkpoint.json"
    ) { run in
      var document = try #require(JSONValue(contentsOf: run + "/influence.json").object)
      var cost = try #require(document["cost"]?.object)
      for key in ["seconds", "headSeconds"] { cost[key] = nil }
      (document["cost"], document["files"]) = (.object(cost), nil)
      return document
    }
  }

  @Test("a pretraining resumes from the previous state, to the same bits")
  func pretraining() throws {
    try check(
      [
        "pretrain", "--target", "causal", "--train", place.train, "--vocabulary-size", "280",
        "--hidden-size", "16", "--layers", "1", "--heads", "1", "--context", "32", "--steps", "5",
        "--batch-tokens", "64", "--checkpoint-every", "1",
      ], manifest: "checkpoint.json"
    ) { model in
      try Data(contentsOf: URL(filePath: model + "/model.safetensors"))
    }
  }
}
