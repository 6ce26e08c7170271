import Foundation
import Testing

/// Runs the command with few open files, and with its working directory removed.
@Suite("Limits on files")
struct DescriptorLimitTests {
  private let place: Workplace

  init() throws { place = try Workplace() }

  /// Runs `prelude` in a shell, which then executes the command in its place.
  private func run(after prelude: String, _ arguments: [String]) throws -> (Int32, String) {
    let errors = place.directory.url("errors")
    try Data().write(to: errors)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments =
      ["-c", "\(prelude) && exec timeout 100 \"$0\" \"$@\"", PEFTProcess.executable.path]
      + arguments
    process.environment = ProcessInfo.processInfo.environment.filter {
      $0.key != "OPENBLAS_CORETYPE"
    }
    process.currentDirectoryURL = URL(filePath: place.directory.path)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    let status =
      process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    return (status, try String(contentsOf: errors, encoding: .utf8))
  }

  @Test(
    "with few open files the command ends with 6 and names the limit, or succeeds",
    arguments: [
      ["inspect", "MODEL"],
      [
        "train", "--learning-rate", "1e-3", "--model", "MODEL", "--train", "TRAIN", "--dev",
        "TRAIN", "--pooling", "mean",
        "--steps", "2", "--workers", "1", "--quiet", "--output", "OUTPUT",
      ],
      [
        "probe", "--model", "MODEL", "--train", "TRAIN", "--pooling", "mean", "--groups", "kind",
        "--head-steps", "1", "--direction-batches", "1", "--probe-batches", "2", "--quiet",
        "--output", "OUTPUT",
      ],
      [
        "pretrain", "--target", "causal", "--packages", "--vocabulary-size", "280", "--hidden-size",
        "16", "--layers", "1", "--heads", "1", "--context", "32", "--steps", "1", "--batch-tokens",
        "64", "--quiet", "--output", "OUTPUT",
      ],
    ])
  func files(_ command: [String]) throws {
    for limit in [3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 40] {
      let places = [
        "MODEL": place.model, "TRAIN": place.train, "OUTPUT": place.directory.path("out-\(limit)"),
      ]
      let arguments = command.map { places[$0] ?? $0 }
      let (status, errors) = try run(after: "ulimit -n \(limit)", arguments)
      // With three files the system cannot load the command's libraries.
      if limit == 3, status == 127, errors.contains("error while loading shared libraries") {
        continue
      }
      // Status 3 is correct on a machine without packages.
      let isKnown = status == 0 || status == 6 || (status == 3 && errors.contains("package"))
      #expect(isKnown, "\(command[0]) with \(limit) files ended with \(status): \(errors)")
      let isExplained =
        status != 6 || (errors.contains("ulimit -n") && !errors.contains(".partial"))
      #expect(isExplained, "\(command[0]) with \(limit) files: \(errors)")
      #expect(limit < 24 || status != 6, "\(command[0]) with \(limit) files: \(errors)")
    }
  }

  @Test("a removed working directory causes no crash")
  func goneDirectory() throws {
    let gone = "mkdir gone && cd gone && rmdir ../gone"
    for (arguments, expected) in [
      (["inspect", "model"], 3), (["predict", "run", "--data", "data.tsv"], 3),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
          "--pooling", "mean", "--steps",
          "1", "--quiet", "--output", "run",
        ], 6
      ),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
          "--pooling", "mean", "--steps",
          "1", "--quiet", "--output", place.directory.path("run"),
        ], 0
      ),
    ] as [([String], Int32)] {
      let (status, errors) = try run(after: gone, arguments)
      #expect(status == expected, "\(arguments): \(errors)")
      #expect(status == 0 || errors.hasPrefix("peft: "), "\(arguments): \(errors)")
    }
  }
}
