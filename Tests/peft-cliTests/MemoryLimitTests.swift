import Foundation
import Testing

/// Runs the command under limits on its address space, from less than its libraries take to more
/// than it needs.
@Suite("Limits on memory")
struct MemoryLimitTests {
  private static let kilobytes = [
    60_000, 120_000, 160_000, 200_000, 240_000, 280_000, 320_000, 360_000, 400_000, 450_000,
    500_000, 600_000, 800_000, 1_000_000,
  ]

  /// Runs the command under a limit. A command that does not end is killed, with status 124.
  private func run(_ arguments: [String], under limit: Int, errors: URL) throws -> Int32 {
    try Data().write(to: errors)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments =
      ["-c", "ulimit -v \(limit) || exit 99; exec timeout 100 \"$0\" \"$@\""]
      + [PEFTProcess.executable.path] + arguments
    process.environment = ProcessInfo.processInfo.environment.filter {
      $0.key != "OPENBLAS_CORETYPE"
    }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return process.terminationReason == .exit
      ? process.terminationStatus : -process.terminationStatus
  }

  @Test(
    "the command ends by itself, with 6 and a message if memory is short",
    .timeLimit(.minutes(30)), arguments: [["--version"], ["train"], ["train", "--workers", "2"]])
  func limits(_ command: [String]) throws {
    let place = try Workplace()
    var ends: [Int32] = []
    for limit in Self.kilobytes {
      let options =
        command[0] == "train"
        ? command + [
          "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling", "mean",
          "--steps", "2", "--quiet", "--output", place.directory.path("run-\(limit)"),
        ] : command
      let errors = place.directory.url("errors")
      let status = try run(options, under: limit, errors: errors)
      let text = try String(contentsOf: errors, encoding: .utf8)
      switch status {
      case 0: break
      case 6:
        let isExplained = text.contains("MiB")
        #expect(isExplained, "\(limit): \(text)")
      // The program loader fails before any of the command's code runs.
      case 127:
        let isLoader = text.contains("error while loading shared libraries")
        #expect(isLoader, "\(limit): \(text)")
      default: Issue.record("\(command) under \(limit) KB ended with \(status): \(text)")
      }
      ends.append(status)
    }
    // Once there is enough memory, more is also enough.
    #expect(ends.last == 0)
    #expect(ends.drop { $0 != 0 }.allSatisfy { $0 == 0 })
    #expect(command[0] != "train" || ends.contains(6))
  }
}
