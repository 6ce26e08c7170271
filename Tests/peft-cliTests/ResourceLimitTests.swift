import Foundation
import PEFTTensor
import Testing

/// Runs the command with small stacks, short files and no further threads.
@Suite("Limits on stacks, file sizes and threads")
struct ResourceLimitTests {
  private let place: Workplace
  private let run: String

  init() throws {
    place = try Workplace(hiddenSize: 16, layerCount: 1)
    run = place.directory.path("run")
    let trained = try place.train(
      "--pooling", "first", "--method", "head", "--steps", "1", "--output", run)
    try #require(trained.status == 0, "\(trained.errors)")
  }

  /// Runs the command under a limit of the shell. Its errors go through a pipe, which has no size.
  private func run(under limit: String, _ arguments: [String]) throws -> (Int32, String) {
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments =
      ["-c", "ulimit \(limit) && exec timeout 100 \"$0\" \"$@\"", PEFTProcess.executable.path]
      + arguments
    process.environment = ProcessInfo.processInfo.environment.filter {
      $0.key != "OPENBLAS_CORETYPE"
    }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    let text = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }

  private func commands(_ output: String) -> [[String]] {
    let task = [
      "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling", "mean",
      "--quiet", "--output", output,
    ]
    return [
      ["train", "--method", "lora", "--steps", "2"] + task,
      ["probe", "--head-steps", "1", "--direction-batches", "1", "--probe-batches", "1"] + task,
      ["export", run, "--format", "merged", "--output", output], ["inspect", place.model],
      ["evaluate", run, "--data", place.dev],
    ]
  }

  @Test("a small stack is enough", arguments: [64, 100, 128, 512])
  func stack(kilobytes: Int) throws {
    for (number, command) in commands(place.directory.path("out")).enumerated() {
      try? FileManager.default.removeItem(atPath: place.directory.path("out"))
      let (status, errors) = try run(under: "-s \(kilobytes)", command)
      #expect(status == 0, "\(number), \(command[0]): \(status) \(errors)")
    }
  }

  @Test("a limit on file sizes is named, with the file", arguments: [0, 1, 4])
  func size(kilobytes: Int) throws {
    for command in commands(place.directory.path("out")).prefix(3) {
      try? FileManager.default.removeItem(atPath: place.directory.path("out"))
      let (status, errors) = try run(under: "-f \(kilobytes)", command)
      #expect(status == 6, "\(command[0]): \(status) \(errors)")
      let isExplained =
        errors.contains("ulimit -f") && errors.contains(place.directory.path("out"))
        && !errors.contains(".partial")
      #expect(isExplained, "\(command[0]): \(errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: place.directory.path)
      #expect(left.allSatisfy { !$0.hasSuffix(".partial") }, "\(command[0]): \(left)")
    }
  }

  @Test("a worker whose thread cannot be started is explained; one worker needs no thread")
  func threads() throws {
    let shim = try FaultShim()
    func train(_ workers: Int) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start(
        ["evaluate", run, "--data", place.dev, "--workers", "\(workers)"],
        environment: shim.environment("thread", at: 1))
      return try PEFTProcess.finish(process, streams)
    }
    #expect(try train(1).status == 0)
    guard Processor.availableCores > 1 else { return }
    let result = try train(2)
    #expect(result.status == 6, "\(result.errors)")
    for word in ["--workers", "ulimit -u", "Resource temporarily unavailable"] {
      let isNamed = result.errors.contains(word)
      #expect(isNamed, "\(word): \(result.errors)")
    }
  }
}
