import Foundation
import PEFTTensor
import TestSupport
import Testing

/// The real binary, run as by a user.
struct PEFTProcess {
  let status: Int32
  let output: String
  let errors: String

  /// The build products are beside the test bundle.
  static let executable = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "peft")

  /// Starts the command. Its streams go to files, so that no pipe can fill up.
  static func start(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> (process: Process, directory: TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment
      .filter { $0.key != "OPENBLAS_CORETYPE" && $0.key != "COLUMNS" }
      .merging(environment) { $1 }
    try Data(input.utf8).write(to: directory.url("in"))
    for name in ["out", "err"] { try Data().write(to: directory.url(name)) }
    process.standardInput = try FileHandle(forReadingFrom: directory.url("in"))
    process.standardOutput = try FileHandle(forWritingTo: directory.url("out"))
    process.standardError = try FileHandle(forWritingTo: directory.url("err"))
    try process.run()
    return (process, directory)
  }

  static func finish(_ process: Process, _ directory: TemporaryDirectory) throws -> PEFTProcess {
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: directory.url(name)), as: UTF8.self)
    }
    let isSignalled = process.terminationReason == .uncaughtSignal
    return PEFTProcess(
      status: isSignalled ? -process.terminationStatus : process.terminationStatus,
      output: try text("out"), errors: try text("err"))
  }

  static func run(
    _ arguments: String..., input: String = "", environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, directory) = try start(arguments, input: input, environment: environment)
    return try finish(process, directory)
  }

  /// Standard output, which must be a single JSON document.
  var document: JSONValue {
    get throws { try JSONValue(parsing: output.utf8) }
  }
}
