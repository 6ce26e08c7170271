import Foundation

/// Data that are not part of the package: `PEFT_TEST_DATA`, or `../shared/data` beside it. Tests
/// that need them are skipped if they are absent.
public enum SharedData {
  private static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["PEFT_TEST_DATA"] {
      return URL(filePath: path)
    }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")
  }()

  /// Whether a file or directory of this name exists.
  public static func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }

  /// The path of the file or directory of this name.
  public static func path(_ name: String) -> String { root.appending(path: name).path }
}
