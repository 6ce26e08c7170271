import Foundation
import PEFTRuns
import PEFTStudy
import PEFTTensor
import Testing

/// `verify` detects a change of any byte of a result.
@Suite("Results are bound to their files")
struct ResultFileTests {
  private let place: Workplace
  private let run: String

  init() throws {
    place = try Workplace()
    run = place.directory.path("run")
    let result = try PEFTProcess.run(
      "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
      "mean", "--budget", "3%", "--candidates", "lora:1", "--baselines", "head", "--steps", "2",
      "--batch-size", "32", "--head-steps", "1", "--direction-batches", "1", "--probe-batches", "2",
      "--workers", "1", "--output", run)
    try #require(result.status == 0, "\(result.errors)")
  }

  private func verify() throws -> PEFTProcess { try PEFTProcess.run("verify", run) }

  @Test("a changed byte anywhere in a run is detected")
  func flips() throws {
    #expect(try verify().status == 0)
    var generator = SeededGenerator(seed: 5, purpose: "flips")
    let names = try FileManager.default.subpathsOfDirectory(atPath: run).sorted().filter {
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: run + "/" + $0, isDirectory: &isDirectory)
        && !isDirectory.boolValue
    }
    #expect(names.count > 20)
    for name in names {
      let url = URL(filePath: run + "/" + name)
      let bytes = try Data(contentsOf: url)
      for _ in 0..<8 {
        var spoilt = bytes
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        spoilt[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        try spoilt.write(to: url)
        let result = try verify()
        #expect([3, 4].contains(result.status), "\(name), byte \(place): \(result.status)")
      }
      try bytes.write(to: url)
    }
    #expect(try verify().status == 0)
  }

  @Test("a changed byte is detected anywhere in documents with their own digest")
  func everyByte() throws {
    #expect(try ResultCheck.check(run).isEmpty)
    var generator = SeededGenerator(seed: 6, purpose: "flips")
    for (name, step) in [
      (".peft.json", 1), ("comparison.json", 1), ("run.json", 3), ("plan.json", 5),
    ] {
      let url = URL(filePath: run + "/" + name)
      let bytes = try Data(contentsOf: url)
      var missed: [Int] = []
      for place in stride(from: 0, to: bytes.count, by: step) {
        var spoilt = bytes
        spoilt[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        try spoilt.write(to: url)
        if (try? ResultCheck.check(run)) != nil { missed.append(place) }
      }
      #expect(missed.isEmpty, "\(name): \(missed)")
      try bytes.write(to: url)
    }
  }

  @Test("a pipe in place of a document is refused without waiting", .timeLimit(.minutes(1)))
  func pipes() throws {
    for name in ["run.json", "plan.json", "comparison.json", ".peft.json"] {
      let path = run + "/" + name
      let bytes = try Data(contentsOf: URL(filePath: path))
      try FileManager.default.removeItem(atPath: path)
      try #require(mkfifo(path, 0o600) == 0)
      #expect(throws: FileError.self, "\(name)") {
        switch name {
        case "run.json": _ = try RunManifest.read(run)
        case "plan.json": _ = try Plan.read(path)
        case "comparison.json": _ = try Comparison.read(run)
        default: _ = try ResultCheck.check(run)
        }
      }
      try FileManager.default.removeItem(atPath: path)
      try bytes.write(to: URL(filePath: path))
    }
  }

  @Test("changed labels, scales and members are refused wherever a run or plan is read")
  func edits() throws {
    for (name, old, new) in [
      ("run.json", "\"yes\"", "\"yep\""),
      ("run.json", "\"maximumLength\": 1", "\"maximumLength\": 2"),
      ("run.json", "\"seed\": \"1\"", "\"seed\": \"3\""),
    ] {
      let path = run + "/" + name
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let changed = text.replacing(old, with: new, maxReplacements: 1)
      #expect(changed != text, "\(old)")
      try changed.write(toFile: path, atomically: true, encoding: .utf8)
      for arguments in [["evaluate", run, "--data", place.dev], ["verify", run]] {
        let (process, streams) = try PEFTProcess.start(arguments)
        let result = try PEFTProcess.finish(process, streams)
        #expect(result.status == 3 && result.errors.contains(name), "\(result.errors)")
      }
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    let path = run + "/plan.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = text.replacing("layer.0.", with: "layer.1.", maxReplacements: 1)
    #expect(changed != text)
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
    let trained = try place.train(
      "--plan", path, "--steps", "1", "--output", place.directory.path("again"))
    #expect(trained.status == 3 && trained.errors.contains("plan.json"), "\(trained.errors)")
  }
}
