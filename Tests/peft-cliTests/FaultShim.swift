import Foundation
import TestSupport
import Testing

/// The library that makes file operations of a process fail; see `Tests/FaultShim/fault.c`.
final class FaultShim: Sendable {
  private let directory: TemporaryDirectory
  private let library: String

  /// Compiles the library.
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

  /// The environment in which call number `call` fails.
  func environment(_ kind: String, at call: Int) -> [String: String] {
    ["LD_PRELOAD": library, "PEFT_FAULT": "\(kind):\(call)"]
  }
}
