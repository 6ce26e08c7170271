import Foundation

/// The folder of real data that is not part of the package: `PEFT_TEST_DATA`, else `shared/data`
/// beside the package.
enum SharedData {
  static let root: String = {
    if let path = ProcessInfo.processInfo.environment["PEFT_TEST_DATA"] { return path }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared/data").path
  }()

  static func path(_ name: String) -> String { "\(root)/\(name)" }

  static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
