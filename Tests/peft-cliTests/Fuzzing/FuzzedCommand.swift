import Foundation
import PEFTTensor
import TestSupport
import Testing

/// The command on changed files, with a limit on its time.
enum FuzzedCommand {
  /// The most seconds that an answer may take.
  static let seconds = 20

  /// Runs the command. Its status is 137 if it had to be killed, and otherwise above 128 if a
  /// signal ended it.
  static func run(_ arguments: [String], input: String = "") throws -> PEFTProcess {
    let streams = try TemporaryDirectory()
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["-s", "KILL", "\(seconds)", PEFTProcess.executable.path] + arguments
    process.environment = ProcessInfo.processInfo.environment
      .filter { $0.key != "OPENBLAS_CORETYPE" && $0.key != "COLUMNS" }
      .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    try Data(input.utf8).write(to: streams.url("in"))
    for name in ["out", "err"] { try Data().write(to: streams.url(name)) }
    process.standardInput = try FileHandle(forReadingFrom: streams.url("in"))
    process.standardOutput = try FileHandle(forWritingTo: streams.url("out"))
    process.standardError = try FileHandle(forWritingTo: streams.url("err"))
    try process.run()
    return try PEFTProcess.finish(process, streams)
  }

  /// Runs a job and kills it once it has two states.
  static func interrupt(_ job: [String], _ manifest: String, _ directory: String) throws {
    let shim = try FaultShim()
    for call in stride(from: 10, to: 1000, by: 3) {
      try? FileManager.default.removeItem(atPath: directory)
      let (process, streams) = try PEFTProcess.start(
        job, environment: shim.environment("kill", at: call))
      let ended = try PEFTProcess.finish(process, streams)
      try #require(ended.status == -SIGKILL, "\(ended.errors)")
      let states = (try? JSONValue(contentsOf: directory + "/" + manifest))?["states"]?.array
      if states?.count == 2 { return }
    }
    Issue.record("\(job[0]) never had two states")
  }
}
