/// The files of a model, as recorded when something was made with it.
public struct ModelIdentity: Hashable, Sendable {
  /// The model's directory, for messages.
  public let directory: String
  /// The SHA-256 of its files, by name.
  public let files: [String: String]

  /// The model in `directory`, whose files had these digests.
  public init(directory: String, files: [String: String]) {
    self.directory = directory
    self.files = files
  }
}
