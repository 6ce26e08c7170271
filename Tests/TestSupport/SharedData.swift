import Foundation

/// Data that is not part of the package: `PEFT_TEST_DATA`, or `../shared/data` beside it. Tests
/// that need it skip where it is absent.
public enum SharedData {
  private static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["PEFT_TEST_DATA"] {
      return URL(filePath: path)
    }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")
  }()

  /// Whether there is something of this name.
  public static func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }

  /// The path of what has this name.
  public static func path(_ name: String) -> String { root.appending(path: name).path }
}
