/// An error in a file that came from outside: what is wrong, where, and how to fix it.
///
/// Every reader and writer of this package throws only this type. `kind` decides the exit status of
/// the command (3 for content, 6 for storage); the other fields make up the message.
public struct FileError: Error, Hashable, Sendable {
  /// The kind of error, as far as a caller may want to handle it.
  public enum Kind: Hashable, Sendable {
    /// The file or directory does not exist.
    case notFound
    /// The bytes are not what the format demands.
    case malformed
    /// The file is well formed, but asks for something that this package does not support.
    case unsupported
    /// The operating system refused to read or write: permission, full disk, I/O error.
    case storage
  }

  /// The kind of error.
  public let kind: Kind
  /// The file, as the caller named it.
  public let path: String
  /// The place inside the file: a line, a tensor, a key. Empty if the error concerns the whole
  /// file.
  public let place: String
  /// What is wrong, as a clause without a full stop.
  public let reason: String
  /// What the user can do, as an imperative clause without a full stop. Empty if no remedy is
  /// known.
  public let remedy: String

  /// An error about `path`.
  public init(
    _ kind: Kind, path: String, place: String = "", reason: String, remedy: String = ""
  ) {
    self.kind = kind
    self.path = path
    self.place = place
    self.reason = reason
    self.remedy = remedy
  }
}

extension FileError: CustomStringConvertible {
  /// `path: place: reason; remedy`, on one line. Scalars that a terminal would interpret become
  /// U+FFFD.
  public var description: String {
    let location = place.isEmpty ? path : "\(path): \(place)"
    return VisibleText.line(
      remedy.isEmpty ? "\(location): \(reason)" : "\(location): \(reason); \(remedy)")
  }
}
