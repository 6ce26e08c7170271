import Foundation
import Testing

/// The library that makes file operations of a process go wrong; see `Tests/FaultShim/fault.c`.
final class FaultShim: Sendable {
  private let directory: TemporaryDirectory
  private let library: String

  /// Compiles it.
  init() throws {
    directory = try TemporaryDirectory()
    library = directory.path("fault.so")
    let source = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "FaultShim/fault.c").path
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0, "the fault shim does not compile")
  }

  /// The environment in which call `call` goes wrong.
  func environment(_ kind: String, at call: Int) -> [String: String] {
    ["LD_PRELOAD": library, "PEFT_FAULT": "\(kind):\(call)"]
  }
}
