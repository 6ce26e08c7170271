import Foundation

/// Data that is not part of the package: `PEFT_TEST_DATA`, or `../shared/data` beside it. Tests
/// that need it skip where it is absent.
enum SharedData {
  static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["PEFT_TEST_DATA"] {
      return URL(filePath: path)
    }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")
  }()

  static func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }

  static func path(_ name: String) -> String { root.appending(path: name).path }
}
