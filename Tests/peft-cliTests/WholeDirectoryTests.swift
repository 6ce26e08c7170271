import Foundation
import PEFTTensor
import Testing

/// Directories that are replaced as a whole, with the process killed at every file change.
@Suite("Whole or not at all")
struct WholeDirectoryTests {
  private let place: Workplace

  init() throws { place = try Workplace() }

  private func run(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  private func contents(_ directory: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
      files[name] = try Data(contentsOf: URL(filePath: directory + "/" + name))
    }
    return files
  }

  /// Two runs whose labels have different names, and two plans from one probe.
  private func results() throws -> [String] {
    try (1...2).map { number in
      let run = place.directory.path("run-\(number)")
      let names = number == 1 ? ["yes", "no"] : ["aye", "nay"]
      var data: [String] = []
      for path in [place.train, place.dev] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        data.append(
          try place.directory.write(
            text.replacing("\tyes", with: "\t" + names[0])
              .replacing("\tno", with: "\t" + names[1]),
            to: "\(number)-" + URL(filePath: path).lastPathComponent))
      }
      let trained = try self.run([
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", data[0], "--dev",
        data[1], "--method", "lora",
        "--steps", "2", "--seed", "\(number)", "--pooling", "first", "--workers", "1", "--output",
        run,
      ])
      try #require(trained.status == 0, "\(trained.errors)")
      return run
    }
  }

  /// Kills `new` at each of its file changes, after `old` has made the directory. The directory
  /// must then have either the old or the new content, byte for byte, and the next complete process
  /// must leave nothing else behind.
  ///
  /// - Returns: the number of kills.
  private func kill(
    _ old: (String) -> [String], _ new: (String) -> [String], folder: String = ""
  ) throws -> Int {
    let shim = try FaultShim()
    let directory = place.directory.path("out/it")
    let made = directory + folder
    func begin() throws {
      try? FileManager.default.removeItem(atPath: place.directory.path("out"))
      let result = try run(old(directory))
      try #require(result.status == 0, "\(result.errors)")
    }
    try begin()
    let before = try contents(made)
    let whole = try run(new(directory))
    try #require(whole.status == 0, "\(whole.errors)")
    let after = try contents(made)
    try begin()
    var call = 0
    while true {
      call += 1
      let ended = try run(new(directory), environment: shim.environment("kill", at: call))
      if ended.status == 0 { break }
      #expect(ended.status == -SIGKILL, "\(call): \(ended.status) \(ended.errors)")
      let found = try contents(made)
      #expect(found == before || found == after, "killed at \(call)")
      if found == after {
        // The next process removes left-overs of the old one.
        let last = try run(new(directory))
        #expect(last.status == 0, "killed at \(call): \(last.errors)")
        let beside = try FileManager.default.contentsOfDirectory(
          atPath: URL(filePath: made).deletingLastPathComponent().path)
        #expect(beside.allSatisfy { !$0.hasSuffix(".partial") }, "killed at \(call): \(beside)")
        try begin()
      }
    }
    return call - 1
  }

  @Test("exports, merged models, copies and plans are old or new, whenever the process is killed")
  func killed() throws {
    let runs = try results()
    var kills = 0
    for format in ["merged", "delta", "peft"] {
      kills += try kill(
        { ["export", runs[0], "--format", format, "--output", $0, "--workers", "1"] },
        {
          [
            "export", runs[1], "--format", format, "--output", $0, "--overwrite", "--workers", "1",
          ]
        })
    }
    kills += try kill(
      { ["apply", runs[0], "--model", place.model, "--output", $0, "--workers", "1"] },
      {
        [
          "apply", runs[1], "--model", place.model, "--output", $0, "--overwrite", "--workers", "1",
        ]
      })
    kills += try kill(
      { ["models", $0] }, { ["models", $0, "--overwrite"] }, folder: "/roberta-small")
    let probe = place.directory.path("probe")
    let probed = try run([
      "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--head-steps",
      "1", "--direction-batches", "1", "--probe-batches", "2", "--workers", "1", "--output", probe,
    ])
    try #require(probed.status == 0, "\(probed.errors)")
    kills += try kill(
      { ["select", probe, "--budget", "2%", "--output", $0] },
      { ["select", probe, "--budget", "5%", "--value", "newton", "--overwrite", "--output", $0] })
    #expect(kills >= 200, "\(kills) kills")
  }

  @Test("a full disk keeps the old model, and no part of a new one remains")
  func full() throws {
    let shim = try FaultShim()
    let directory = place.directory.path("models")
    for call in stride(from: 3, to: 60, by: 7) {
      let ended = try run(["models", directory], environment: shim.environment("ENOSPC", at: call))
      if ended.status == 0 { break }
      #expect(ended.status == 6, "\(call): \(ended.errors)")
      for name in ["roberta-small", "gpt2-small"] {
        let model = directory + "/" + name
        if FileManager.default.fileExists(atPath: model) {
          #expect(try PEFTProcess.run("inspect", model).status == 0, "\(call)")
        }
      }
      try? FileManager.default.removeItem(atPath: directory)
    }
  }
}
