import Foundation

/// A directory that is removed with the last reference to it.
public final class TemporaryDirectory: Sendable {
  /// Its path.
  public let path: String

  /// Creates a directory below the system's temporary one.
  public init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appending(path: "peft-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The place of `name` in it.
  public func url(_ name: String) -> URL { URL(filePath: path).appending(path: name) }

  /// The path of `name` in it.
  public func path(_ name: String) -> String { url(name).path }

  /// Writes a file and returns its path.
  public func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: url(name))
    return path(name)
  }
}
