import Foundation
import PEFTTensor
import Testing

/// Kills commands at their file changes. The next run of the same command removes what the killed
/// one left, and nothing else.
@Suite("Left-overs of killed commands")
struct LeftOverTests {
  private let place: Workplace
  private let shim: FaultShim

  init() throws {
    place = try Workplace(hiddenSize: 16, layerCount: 1)
    shim = try FaultShim()
  }

  private func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  private func names() throws -> Set<String> {
    try Set(FileManager.default.subpathsOfDirectory(atPath: place.directory.path("out")))
  }

  /// Kills the command at every `step`-th file change, each time followed by a run that ends.
  ///
  /// - Parameters:
  ///   - again: the arguments of the run that ends.
  ///   - begin: puts the directory `out` into its state before the kill.
  /// - Returns: the number of kills.
  private func kill(
    _ command: [String], step: Int, again: [String], begin: () throws -> Void
  ) throws -> Int {
    var (kills, call) = (0, 1)
    while true {
      try? FileManager.default.removeItem(atPath: place.directory.path("out"))
      try FileManager.default.createDirectory(
        atPath: place.directory.path("out"), withIntermediateDirectories: true)
      try begin()
      // Somebody else's files, with names like those of temporary files.
      for name in [".mine.partial", ".peft-x-1.partial", ".peft-1-1.partial"] {
        _ = try place.directory.write("precious", to: "out/" + name)
      }
      let ended = try run(command, shim.environment("kill", at: call))
      if ended.status == 0 { return kills }
      try #require(ended.status == -SIGKILL, "\(command[0]), \(call): \(ended.errors)")
      let last = try run(again)
      try #require(last.status == 0, "\(command[0]), killed at \(call): \(last.errors)")
      let left = try names().filter { $0.hasSuffix(".partial") || $0.hasSuffix(".old") }
      #expect(
        left == [".mine.partial", ".peft-x-1.partial", ".peft-1-1.partial"],
        "\(command[0]), killed at \(call)")
      (kills, call) = (kills + 1, call + step)
    }
  }

  @Test("of exports, merged models, copies, plans and pages are removed by the next run")
  func whole() throws {
    let (made, probe) = (place.directory.path("run"), place.directory.path("probe"))
    let output = place.directory.path("out/it")
    var results = [
      try place.train(
        "--method", "lora", "--pooling", "first", "--steps", "1", "--workers", "1", "--output", made
      )
    ]
    results.append(
      try run([
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean",
        "--head-steps",
        "1", "--direction-batches", "1", "--probe-batches", "1", "--workers", "1", "--output",
        probe,
      ]))
    for result in results { try #require(result.status == 0, "\(result.errors)") }
    var kills = 0
    for command in [
      ["export", made, "--format", "merged", "--output", output],
      ["export", made, "--format", "delta", "--output", output],
      ["export", made, "--format", "peft", "--output", output],
      ["apply", made, "--model", place.model, "--output", output],
      ["select", probe, "--budget", "20%", "--output", output],
      ["report", made, made, "--output", output + ".html"],
    ] {
      let replacing = command[0] == "report" ? [] : ["--overwrite"]
      // From nothing, and in place of an older result.
      kills += try kill(command, step: 3, again: command + replacing) {}
      kills += try kill(command + replacing, step: 4, again: command + replacing) {
        try #require(try run(command).status == 0)
      }
    }
    #expect(kills > 40, "\(kills) kills")
  }

  @Test("of jobs in directories are removed when the job is resumed")
  func jobs() throws {
    let output = place.directory.path("out/it")
    let task = [
      "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling", "mean",
      "--batch-size", "16", "--workers", "1", "--quiet", "--output", output,
    ]
    let probing = ["--head-steps", "1", "--direction-batches", "1", "--probe-batches", "1"]
    let suite = try place.directory.write(FuzzedWork.suite(place), to: "suite.yaml")
    var kills = 0
    for (command, step) in [
      (["train", "--method", "head", "--steps", "2"] + task, 13),
      (["probe"] + probing + task, 9),
      (["compare", "--methods", "head,bitfit", "--steps", "1"] + task, 41),
      (["adapt", "--budget", "20%", "--baselines", "head", "--steps", "1"] + probing + task, 67),
      (["suite", suite, "--workers", "1", "--quiet", "--output", output], 37),
    ] {
      kills += try kill(command, step: step, again: command + ["--resume"]) {}
    }
    #expect(kills > 15, "\(kills) kills")
  }

  @Test("a page's own directory, and one of a run, keep no part of a page")
  func page() throws {
    let made = place.directory.path("out/it")
    let kills = try kill(["report", made], step: 1, again: ["report", made]) {
      try #require(
        try place.train("--method", "head", "--steps", "1", "--workers", "1", "--output", made)
          .status == 0)
    }
    #expect(kills > 2)
  }
}
